//! Accounts for every byte of an image: where it is, whether it can be seen, whose it is, what it is
//! worth to be rid of it.

mod account;
pub mod diff;
mod findings;
pub mod imports;
mod report;
mod scan;
mod secrets;
mod view;
mod waste;

pub use account::{Account, Fate, Totals, Waste};
pub use findings::rules;
pub use report::{ImageReport, LayerReport, Saving, Savings, WasteTotals, report};
pub use scan::{ContentId, FileFacts, ScannedLayer};
pub use secrets::SecretKind;
pub use view::Visible;
pub use waste::{Culprit, Duplicate, WastedPath};
