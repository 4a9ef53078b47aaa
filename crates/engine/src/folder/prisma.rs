//! prisma's folders.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;

pub(super) fn owns(listing: &Listing) -> bool {
    listing.has_in_folders("migration.sql")
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    Err(Error::invalid(format!("cannot read {} as a folder of prisma", listing.root.display())))
}

pub(super) fn version(text: &str, _name: &str) -> super::Version {
    super::Version::text(text)
}
