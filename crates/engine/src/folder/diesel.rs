//! diesel's folders.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;

pub(super) fn owns(listing: &Listing) -> bool {
    listing.has_in_folders("up.sql")
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    Err(Error::invalid(format!("cannot read {} as a folder of diesel", listing.root.display())))
}
