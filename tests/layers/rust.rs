//! Reads which file of a crate uses which other file.
//!
//! syn parses each file, so comments, strings and lists of imports need no care of our own. A name
//! is followed through `pub use` to the file that defines it: a `mod.rs` that only passes names on
//! uses none of its files, and whoever imports from it uses the file behind it. Code in `mod.rs`
//! that uses a file below it counts like any other use. Code for tests and names that only links in
//! comments need do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::slice;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, Macro, UseTree, Visibility};

use crate::graph::Uses;

/// A path from the root of the crate: `["net", "native"]` is `net/native.rs` or `net/native/mod.rs`.
type Module = Vec<String>;

/// One crate: its modules, and the file of each.
#[derive(Default)]
pub(crate) struct Crate {
    scopes: BTreeMap<Module, Scope>,
}

/// A module: a file, or a module within a file.
#[derive(Default)]
struct Scope {
    file: String,
    /// Modules that are declared here, in files of their own or not.
    children: BTreeSet<String>,
    /// Modules of tests in files of their own.
    tests: BTreeSet<String>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths in the code and in the arguments of macros.
    paths: BTreeSet<Vec<String>>,
}

struct Import {
    path: Vec<String>,
    /// The name in this module, or `*`.
    name: String,
    /// Whether others can import the name from here.
    is_public: bool,
}

/// The end of a path within the crate.
enum Target {
    Module(Module),
    /// An item that this module defines.
    Item(Module),
}

impl Crate {
    /// Reads the sources in `folder`, whose root is `lib.rs` or `main.rs`.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut read = Self::default();
        for path in super::files(folder, "rs") {
            let text = fs::read_to_string(folder.join(&path)).unwrap();
            read.add(&path, &text);
        }
        read.remove_tests();
        read
    }

    /// Adds a file by its path below the folder of sources.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut module: Module = path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if module
            .last()
            .is_some_and(|last| matches!(&**last, "mod" | "lib" | "main"))
        {
            module.pop();
        }
        let mut reader = Reader {
            found: self,
            file: path.to_owned(),
            module: module.clone(),
        };
        reader.scope();
        reader.visit_file(&parsed);
    }

    fn remove_tests(&mut self) {
        let tests: Vec<Module> = self
            .scopes
            .iter()
            .flat_map(|(module, scope)| {
                let below = |name: &String| [&module[..], slice::from_ref(name)].concat();
                scope.tests.iter().map(below).collect::<Vec<_>>()
            })
            .collect();
        self.scopes
            .retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    }

    /// The files that each file uses.
    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, scope) in &self.scopes {
            let mut used: BTreeSet<String> = BTreeSet::new();
            let paths = scope.paths.iter().map(|path| (path, false));
            let imports = scope.imports.iter();
            let imports = imports
                .filter(|import| !import.is_public || scope.names(&import.name))
                .map(|import| (&import.path, import.name == "*"));
            for (path, is_glob) in paths.chain(imports) {
                let Some(path) = self.absolute(module, path) else {
                    continue;
                };
                match self.resolve(&path) {
                    Some(Target::Item(owner)) => used.insert(self.scopes[&owner].file.clone()),
                    Some(Target::Module(owner)) if is_glob => {
                        used.insert(self.scopes[&owner].file.clone())
                    }
                    _ => false,
                };
            }
            used.remove(&scope.file);
            uses.entry(scope.file.clone()).or_default().extend(used);
        }
        uses
    }

    /// The names outside the crate, such as `std`, with which paths of each file begin.
    pub(crate) fn outside(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut outside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, scope) in &self.scopes {
            let imports = scope.imports.iter().map(|import| &import.path);
            let paths = imports.chain(&scope.paths);
            let first = paths
                .filter(|path| self.absolute(module, path).is_none())
                .map(|path| path[0].clone());
            outside.entry(scope.file.clone()).or_default().extend(first);
        }
        outside
    }

    /// A path that a module's code has, from the root of the crate on, or none if it leads outside.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let scope = &self.scopes[module];
        let first = &*path[0];
        let mut rest = &path[1..];
        let mut start = match first {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            name if scope.children.contains(name) => {
                rest = path;
                module.clone()
            }
            name => {
                let import = scope.imports.iter().find(|import| import.name == name)?;
                // `use http;` imports the name by itself.
                if import.path[0] == name {
                    return None;
                }
                self.absolute(module, &import.path)?
            }
        };
        while let Some((_, after)) = rest.split_first().filter(|(name, _)| *name == "super") {
            start.pop();
            rest = after;
        }
        start.extend_from_slice(rest);
        Some(start)
    }

    /// Follows a path from the root to the module that defines its item. If no module shows the item,
    /// a macro makes it in the last module of the path.
    fn resolve(&self, path: &[String]) -> Option<Target> {
        self.shown(path, 0).or_else(|| {
            let modules = (0..path.len()).rev().map(|len| path[..len].to_vec());
            let mut modules = modules.filter(|module| self.scopes.contains_key(module));
            modules.next().map(Target::Item)
        })
    }

    /// As [`resolve`](Self::resolve), for items that a module shows. The depth ends circles of imports.
    fn shown(&self, path: &[String], depth: usize) -> Option<Target> {
        if depth > 20 {
            return None;
        }
        let mut module = Module::new();
        for (at, name) in path.iter().enumerate() {
            let below = [&module[..], slice::from_ref(name)].concat();
            if self.scopes.contains_key(&below) {
                module = below;
                continue;
            }
            let scope = self.scopes.get(&module)?;
            if scope.items.contains(name) {
                return Some(Target::Item(module));
            }
            let follow = |import: &Import, rest: &[String]| {
                let path = self.absolute(&module, &import.path)?;
                self.shown(&[&path[..], rest].concat(), depth + 1)
            };
            if let Some(import) = scope.imports.iter().find(|import| import.name == *name) {
                return follow(import, &path[at + 1..]);
            }
            let mut globs = scope.imports.iter().filter(|import| import.name == "*");
            return globs.find_map(|import| follow(import, &path[at..]));
        }
        Some(Target::Module(module))
    }
}

impl Scope {
    /// Whether a path of the code begins with this name.
    fn names(&self, name: &str) -> bool {
        self.paths.iter().any(|path| path[0] == name)
    }
}

/// Reads one file.
struct Reader<'a> {
    found: &'a mut Crate,
    file: String,
    module: Module,
}

impl Reader<'_> {
    fn scope(&mut self) -> &mut Scope {
        let scope = self.found.scopes.entry(self.module.clone()).or_default();
        scope.file.clone_from(&self.file);
        scope
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let with = |name: &Ident| [before, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), is_public),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, is_public);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => {
                (before.to_vec(), before.last().unwrap().clone())
            }
            UseTree::Name(name) => (with(&name.ident), name.ident.to_string()),
            UseTree::Rename(name) if name.ident == "self" => {
                (before.to_vec(), name.rename.to_string())
            }
            UseTree::Rename(name) => (with(&name.ident), name.rename.to_string()),
            UseTree::Glob(_) => (before.to_vec(), "*".to_owned()),
        };
        let import = Import {
            path,
            name,
            is_public,
        };
        self.scope().imports.push(import);
    }

    /// Notes the paths in the arguments of a macro, which syn does not parse.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        // The punctuation since the last name.
        let mut between = String::new();
        for token in tokens {
            match token {
                TokenTree::Ident(name) if between == "::" && !path.is_empty() => {
                    path.push(name.to_string());
                    between.clear();
                }
                TokenTree::Ident(name) => {
                    self.path(std::mem::take(&mut path));
                    // A name behind a point is a field or a method, behind `::` it is outside.
                    if !between.ends_with(['.', ':']) {
                        path.push(name.to_string());
                    }
                    between.clear();
                }
                TokenTree::Punct(mark) => between.push(mark.as_char()),
                TokenTree::Group(group) => {
                    self.path(std::mem::take(&mut path));
                    between.clear();
                    self.tokens(group.stream());
                }
                TokenTree::Literal(_) => between.clear(),
            }
        }
        self.path(path);
    }

    fn path(&mut self, path: Vec<String>) {
        if !path.is_empty() {
            self.scope().paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = described(item);
        let is_for_tests = is_for_tests(attributes);
        match item {
            Item::Mod(module) => {
                let name = module.ident.to_string();
                let Some((_, items)) = &module.content else {
                    let scope = self.scope();
                    scope.children.insert(name.clone());
                    if is_for_tests {
                        scope.tests.insert(name);
                    }
                    return;
                };
                if !is_for_tests {
                    self.scope().children.insert(name.clone());
                    self.module.push(name);
                    self.scope();
                    items.iter().for_each(|item| self.visit_item(item));
                    self.module.pop();
                }
            }
            _ if is_for_tests => {}
            Item::Use(import) => {
                let is_public = !matches!(import.vis, Visibility::Inherited);
                // `use ::http::Uri` leads outside, as a name that is no module of the crate does.
                self.import(&import.tree, &[], is_public);
            }
            _ => {
                if let Some(name) = name {
                    self.scope().items.insert(name.to_string());
                }
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        if !is_for_tests(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.path(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    // `pub(crate)` and `#[inline]` use nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// The attributes of an item, and the name that it defines in its module.
fn described(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether `cfg` selects an item for tests or for links in the documentation only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let condition = list.tokens.to_string();
                matches!(&*condition, "doc" | "test") || condition.starts_with("all (test ,")
            })
    })
}

#[test]
fn uses_are_read() {
    let mut read = Crate::default();
    read.add(
        "lib.rs",
        "mod a; mod b; mod deep; pub use b::B; pub use deep::inner::Inner;
         #[cfg(test)] mod tests { use crate::a::A; }",
    );
    read.add(
        "a.rs",
        "use crate::{B, deep::{Helper, inner}}; pub(crate) use super::b::Other;
         fn f() { inner::go(); std::mem::take(&mut x); } // crate::b::Comment
         #[cfg(test)] mod tests { use super::*; use crate::deep::InTests; }",
    );
    read.add(
        "b.rs",
        "pub struct B; pub struct Other; mod within { use super::Other; }",
    );
    read.add(
        "deep/mod.rs",
        "mod inner; pub use inner::Inner; pub(super) struct Helper; #[cfg(test)] mod checks;
         macro_rules! m { () => { $crate::b::B } }",
    );
    read.add(
        "deep/inner.rs",
        "pub struct Inner; pub fn go() { assert!(super::Helper.is(B)); }",
    );
    read.add("deep/checks.rs", "use crate::a::A;");
    read.add(
        "made.rs",
        "macro_rules! error { ($name:ident) => {}; } error!(Error);",
    );
    read.add("user.rs", "pub use super::made::Error; fn f() -> Error {}");
    read.remove_tests();
    let uses = read.uses();
    let used = |file: &str| uses[file].iter().map(|used| &**used).collect::<Vec<_>>();
    assert_eq!(
        used("lib.rs"),
        [""; 0],
        "names that are passed on are no use"
    );
    assert_eq!(used("a.rs"), ["b.rs", "deep/inner.rs", "deep/mod.rs"]);
    assert_eq!(used("b.rs"), [""; 0]);
    assert_eq!(used("deep/mod.rs"), ["b.rs"], "but code of `mod.rs` is one");
    assert_eq!(used("deep/inner.rs"), ["deep/mod.rs"]);
    assert_eq!(used("user.rs"), ["made.rs"], "a macro makes the item");
    assert!(!uses.contains_key("deep/checks.rs"));
    assert!(read.outside()["a.rs"].contains("std"));
}
