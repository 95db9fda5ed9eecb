//! Features are additive: every set of them compiles, and none changes a public type.

use std::collections::BTreeSet;

use crate::report::{Report, done};
use crate::tool::cargo;

/// The features of the server, which are independent of each other.
const SERVER: [&str; 2] = ["tls", "tracing"];

/// The features of the core, each with those that it turns on.
const FEATURES: [(&str, &[&str]); 7] = [
    ("deflate", &[]),
    ("zlib-rs", &["deflate"]),
    ("std", &[]),
    ("simd", &["std"]),
    ("io", &["std"]),
    ("tls", &["io", "std"]),
    ("http", &["std"]),
];

/// Features of the core that only turn on a feature of a dependency. No code of the core depends on
/// them, so they are not combined with the others; `targets` checks them where they are needed.
#[cfg(test)]
const PASSED_ON: [&str; 1] = ["extra-platforms"];

pub fn check(report: &mut Report) {
    report.step("features: every set compiles", || {
        let sets = sets();
        for set in &sets {
            cargo()
                .args(["check", "--quiet", "--package", "wscodec", "--lib"])
                .args(["--no-default-features", "--features", &set.join(",")])
                .env("RUSTFLAGS", "-D warnings")
                .run()?;
        }
        Ok(crate::report::Outcome::Done(format!("{} sets", sets.len())))
    });
    report.step("features: every set of the server compiles", || {
        let sets = server_sets();
        for set in &sets {
            cargo()
                .args(["check", "--quiet", "--package", "wscodec-server", "--lib"])
                .args(["--features", &set.join(",")])
                .env("RUSTFLAGS", "-D warnings")
                .run()?;
        }
        Ok(crate::report::Outcome::Done(format!("{} sets", sets.len())))
    });
    // Cargo unifies the features of packages that are checked together, so these are two runs.
    for package in ["additive-library", "additive-application"] {
        report.step(&format!("features: {package}"), || {
            cargo()
                .args(["check", "--quiet", "--package", package])
                .run()?;
            done()
        });
    }
}

/// The sets that differ: a set without what one of its features turns on is the same as the set
/// with it.
fn sets() -> Vec<Vec<&'static str>> {
    let mut sets = BTreeSet::new();
    for bits in 0..1_u32 << FEATURES.len() {
        let mut set = BTreeSet::new();
        for (i, (name, brings)) in FEATURES.iter().enumerate() {
            if bits & (1 << i) != 0 {
                set.insert(*name);
                set.extend(brings.iter().copied());
            }
        }
        sets.insert(set.into_iter().collect::<Vec<_>>());
    }
    sets.into_iter().collect()
}

/// All sets of the server's features, the empty one among them.
fn server_sets() -> Vec<Vec<&'static str>> {
    let chosen = |bits: u32| {
        let features = SERVER.iter().enumerate();
        let chosen = features.filter(|(i, _)| bits & (1 << i) != 0);
        chosen.map(|(_, name)| *name).collect()
    };
    (0..1_u32 << SERVER.len()).map(chosen).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FEATURES, PASSED_ON, SERVER, server_sets, sets};

    /// The names of a manifest's features, without `default`.
    fn features(manifest: &str) -> BTreeSet<&str> {
        let (_, rest) = manifest.split_once("\n[features]\n").unwrap();
        let (section, _) = rest.split_once("\n[").unwrap();
        section
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name)
            .filter(|name| !name.starts_with('#') && *name != "default")
            .collect()
    }

    #[test]
    fn lists_the_features_of_the_servers_manifest() {
        let manifest = include_str!("../../crates/wscodec-server/Cargo.toml");
        assert_eq!(features(manifest), SERVER.into_iter().collect());
        assert_eq!(server_sets().len(), 1 << SERVER.len());
        assert!(server_sets().contains(&Vec::new()));
    }

    #[test]
    fn sets_are_closed_and_differ() {
        let sets = sets();
        let different: BTreeSet<_> = sets.iter().collect();
        assert_eq!(different.len(), sets.len());
        assert_eq!(
            sets.len(),
            3 * (1 + 2 * 3 * 2),
            "3 of deflate; std, simd, io with and without tls, and http"
        );
        for set in &sets {
            for (name, brings) in FEATURES {
                let whole = brings.iter().all(|feature| set.contains(feature));
                assert!(!set.contains(&name) || whole, "{set:?}");
            }
        }
    }

    #[test]
    fn lists_the_features_of_the_manifest() {
        let manifest = include_str!("../../Cargo.toml");
        let names = FEATURES.iter().map(|(name, _)| *name).chain(PASSED_ON);
        assert_eq!(features(manifest), names.collect());
        for name in PASSED_ON {
            let (_, line) = manifest.split_once(&format!("\n{name} = ")).unwrap();
            let brings = line.lines().next().unwrap();
            assert!(brings.contains('/') && !brings.contains(','), "{brings}");
        }
    }
}
