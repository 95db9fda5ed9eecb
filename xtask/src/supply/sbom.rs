//! `cargo xtask sbom`: software bills of materials (CycloneDX 1.6) of the npm package and of the
//! WASI component.
//!
//! A bill lists every crate whose code is in a product, with its version, licence and checksum, and
//! the dependencies between them. The list is exactly that of the builds: features and target are
//! those of `cargo xtask build` and `cargo xtask wasi`. Nothing in it depends on the time or the
//! machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::graph::{self, Graph, Id, Package};
use super::products::{self, Product};
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool};
use crate::{installed, paths};

/// Writes the bills, and validates them with the published schema.
pub fn sbom(report: &mut Report) {
    let mut files = Vec::new();
    for product in [products::npm(), products::component()] {
        report.step(&format!("sbom: {}", product.name), || {
            let (path, count) = write(&product)?;
            let note = format!("{count} crates, {}", path.display());
            files.push(path);
            Ok(Outcome::Done(note))
        });
    }
    report.step("sbom: schema", || {
        let requirements = paths::root().join("xtask/supply/requirements.txt");
        let python = installed::python("cyclonedx", &requirements)?;
        let note = Tool::at(python.as_os_str(), "python")
            .args(["xtask/supply/validate.py"])
            .args(&files)
            .stdout()?;
        Ok(Outcome::Done(note.trim().to_owned()))
    });
}

fn write(product: &Product) -> Result<(PathBuf, usize), Failure> {
    let bill = bill(product, &graph::packages()?, &graph::checksums()?)?;
    let folder = paths::target()?.join("wscodec-sbom");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    let path = folder.join(format!("wscodec-{}.cdx.json", product.name));
    let count = bill["components"].as_array().map_or(0, Vec::len);
    put(&path, &bill)?;
    Ok((path, count))
}

fn put(path: &Path, bill: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(bill)
        .map_err(|error| Failure::new(format!("the bill is no JSON: {error}")))?;
    fs::write(path, text + "\n").map_err(|error| Failure::file("write", path, &error))
}

fn bill(
    product: &Product,
    packages: &BTreeMap<Id, Package>,
    checksums: &BTreeMap<Id, String>,
) -> Result<Value, Failure> {
    let mut graph = Graph::default();
    let mut roots = Vec::new();
    for build in &product.builds {
        roots.push(graph.add(build)?);
    }
    roots.dedup();
    let version = &roots[0].version;
    let product_ref = format!("{}@{version}", product.purl);
    let mut components = Vec::new();
    for id in graph.edges.keys() {
        let package = packages
            .get(id)
            .ok_or_else(|| Failure::new(format!("cargo metadata has no {}", purl(id))))?;
        let checksum = checksums.get(id);
        if checksum.is_none() && !package.ours {
            return Err(Failure::new(format!("{} has no checksum", purl(id))));
        }
        components.push(component(id, package, checksum));
    }
    let depends = |from: String, on: Vec<String>| json!({ "ref": from, "dependsOn": on });
    let edges = graph.edges.iter();
    let edges = edges.map(|(id, on)| depends(purl(id), on.iter().map(purl).collect()));
    let root = depends(product_ref.clone(), roots.iter().map(purl).collect());
    let dependencies: Vec<Value> = [root].into_iter().chain(edges).collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": product.kind,
                "bom-ref": product_ref,
                "name": "wscodec",
                "version": version,
                "description": product.about,
                "purl": product_ref,
                "licenses": [{ "expression": packages[&roots[0]].licence }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(id: &Id, package: &Package, checksum: Option<&String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(id),
        "name": id.name,
        "version": id.version,
        "purl": purl(id),
        "licenses": [{ "expression": package.licence }],
    });
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn purl(id: &Id) -> String {
    // The plus of a version's build metadata is encoded in a package URL.
    let version = id.version.replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", id.name)
}
