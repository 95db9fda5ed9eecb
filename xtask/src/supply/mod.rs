//! The supply chain: licences and sources of the dependencies, those with `unsafe`, the software
//! bills of materials, and builds that give the same bytes.

mod deny;
mod graph;
mod products;
mod reproducible;
mod sbom;
mod unsafe_table;

pub use deny::deny;
pub use reproducible::reproducible;
pub use sbom::sbom;
pub use unsafe_table::check as unsafe_code;
