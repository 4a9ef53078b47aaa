//! drizzle's folders.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;

pub(super) fn owns(_listing: &Listing) -> bool {
    false
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    Err(Error::invalid(format!("cannot read {} as a folder of drizzle", listing.root.display())))
}

pub(super) fn version(text: &str, _name: &str) -> super::Version {
    super::Version::text(text)
}
