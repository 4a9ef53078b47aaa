//! dbmate's folders.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;

pub(super) fn owns(_listing: &Listing) -> bool {
    false
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    Err(Error::invalid(format!("cannot read {} as a folder of dbmate", listing.root.display())))
}
