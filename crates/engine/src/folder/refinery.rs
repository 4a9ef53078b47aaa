//! refinery's folders.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;

pub(super) fn owns(_listing: &Listing) -> bool {
    false
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    Err(Error::invalid(format!("cannot read {} as a folder of refinery", listing.root.display())))
}

pub(super) fn version(text: &str) -> Option<super::Version> {
    super::Version::dotted(text)
}
