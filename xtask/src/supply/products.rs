//! The published products, and the builds that each consists of.

use crate::toolchain::WASI;
use crate::toolchain::WASM;
use crate::wasm;

/// One compilation of a package.
pub struct Build {
    pub package: &'static str,
    /// The arguments that choose the features.
    pub features: Vec<&'static str>,
    /// The target; `all` for the dependencies of every target.
    pub target: &'static str,
}

/// A thing that users install.
pub struct Product {
    /// The name in tables and file names.
    pub name: &'static str,
    /// Package URL, without the version.
    pub purl: &'static str,
    pub about: &'static str,
    /// The type of the component in CycloneDX.
    pub kind: &'static str,
    pub builds: Vec<Build>,
}

/// The npm package: all of its wasm modules.
pub fn npm() -> Product {
    let build = |module: &'static wasm::Module| Build {
        package: module.package,
        features: vec!["--no-default-features", "--features", module.features],
        target: WASM,
    };
    Product {
        name: "npm",
        purl: "pkg:npm/wscodec",
        about: "The npm package wscodec, with its four wasm modules",
        kind: "library",
        builds: wasm::MODULES.iter().map(build).collect(),
    }
}

/// The WASI component.
pub fn component() -> Product {
    Product {
        name: "component",
        purl: "pkg:generic/wscodec-wasi",
        about: "The program wscodec as a WASI component",
        kind: "application",
        builds: vec![Build {
            package: "wscodec-cli",
            features: vec!["--no-default-features"],
            target: WASI,
        }],
    }
}

/// A crate with all of its features on every target.
fn published(package: &'static str) -> Product {
    Product {
        name: package,
        purl: "",
        about: "",
        kind: "library",
        builds: vec![Build {
            package,
            features: vec!["--all-features"],
            target: "all",
        }],
    }
}

/// All products whose code runs on a user's machine.
pub fn all() -> Vec<Product> {
    let crates = [
        "wscodec",
        "wscodec-server",
        "wscodec-tokio",
        "wscodec-inspect",
        "wscodec-cli",
    ];
    let crates = crates.into_iter().map(published);
    [npm(), component()].into_iter().chain(crates).collect()
}
