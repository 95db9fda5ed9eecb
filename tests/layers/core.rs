//! The layers of `src/`. A layer uses only the layers that the table allows, so that each of them can be
//! read, tested and replaced without the layers that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use crate::graph::Uses;
use crate::root;
use crate::rust::Crate;

/// Each layer with the layers that it may use. The names alone do not suggest one of the uses: `frame`
/// uses `utf8`, because the reason of a close frame is text.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("limits", &[]),
    ("utf8", &[]),
    ("reserve", &["error"]),
    ("frame", &["error", "limits", "utf8"]),
    ("head", &["error", "limits"]),
    ("message", &["error", "limits", "reserve", "utf8", "frame"]),
    (
        "deflate",
        &["error", "limits", "reserve", "frame", "head", "message"],
    ),
    ("handshake", &["error", "limits", "head"]),
    (
        "session",
        &[
            "error",
            "limits",
            "frame",
            "head",
            "message",
            "deflate",
            "handshake",
        ],
    ),
    (
        "io",
        &[
            "error",
            "limits",
            "utf8",
            "frame",
            "head",
            "message",
            "deflate",
            "handshake",
            "session",
        ],
    ),
];

/// The layers that may allocate.
const ALLOCATING: &[&str] = &[
    "reserve",
    "message",
    "deflate",
    "handshake",
    "session",
    "io",
];

/// The layers and the file that may name `std` outside of tests. They are behind features that bring it.
const STD_LAYERS: &[&str] = &["io"];
const STD_FILE: &str = "handshake/http_types.rs";

/// Read once, because syn takes seconds in a build without optimisation.
pub(crate) static SOURCES: LazyLock<Crate> = LazyLock::new(|| Crate::read(&root().join("src")));

/// The layer of a file: `frame` for `frame/mask.rs`, and for `frame.rs`.
fn layer_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The layers that each layer uses.
fn layers(uses: &Uses) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut layers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, used) in uses {
        let layer = layer_of(file);
        let used = used.iter().map(|used| layer_of(used));
        layers
            .entry(layer)
            .or_default()
            .extend(used.filter(|used| *used != layer));
    }
    layers
}

#[test]
fn layers_use_only_those_that_the_table_allows() {
    for (file, used) in SOURCES.uses() {
        let layer = layer_of(&file);
        if layer == "lib" {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{file}: the table has no layer `{layer}`"));
        for used in used {
            let other = layer_of(&used);
            assert!(
                other == layer || allowed.contains(&other),
                "{file} uses {used}: `{layer}` may use {allowed:?}"
            );
        }
    }
}

#[test]
fn the_table_itself_goes_upwards_and_is_used() {
    let uses = SOURCES.uses();
    let layers = layers(&uses);
    for (i, (layer, allowed)) in LAYERS.iter().enumerate() {
        let above: Vec<_> = LAYERS[..i].iter().map(|(layer, _)| *layer).collect();
        assert!(allowed.iter().all(|a| above.contains(a)), "{layer}");
        let used = layers.get(layer);
        let used = used.unwrap_or_else(|| panic!("the layer `{layer}` has no file"));
        assert!(
            used.iter()
                .copied()
                .eq(allowed.iter().copied().collect::<BTreeSet<_>>()),
            "{layer} uses {used:?}, and the table allows {allowed:?}"
        );
    }
}

#[test]
fn std_is_named_behind_the_feature_that_brings_it_only() {
    let root_file = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(root_file.contains("#![no_std]"));
    assert!(root_file.contains("#![forbid(unsafe_code)]"));
    for (file, outside) in SOURCES.outside() {
        let may = file == "lib.rs" || file == STD_FILE || STD_LAYERS.contains(&layer_of(&file));
        assert!(may || !outside.contains("std"), "{file} names std");
    }
}

#[test]
fn only_some_layers_allocate() {
    for (file, outside) in SOURCES.outside() {
        let may = file == "lib.rs" || ALLOCATING.contains(&layer_of(&file));
        assert!(may || !outside.contains("alloc"), "{file} names alloc");
    }
}
