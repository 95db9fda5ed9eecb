//! The wasm modules: compiled, given their bindings, optimised, and looked at.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use wasm_bindgen_cli_support::Bindgen;

use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::WASM;
use crate::{growth, node, paths, simd};

/// One build of a crate as a wasm module.
pub struct Module {
    pub name: &'static str,
    pub package: &'static str,
    pub features: &'static str,
    /// Below `js/generated`.
    folder: &'static str,
    /// Whether JavaScript sets a limit on the module's memory. The inspector counts its own memory.
    limited: bool,
}

impl Module {
    /// A build of the codec.
    const fn codec(name: &'static str, features: &'static str, folder: &'static str) -> Self {
        Self {
            name,
            package: "wscodec-wasm",
            features,
            folder,
            limited: true,
        }
    }

    /// Compiles the sources of a checkout, and gives the file in its target folder. `with` may add to
    /// the command.
    pub fn compile(
        &self,
        checkout: &Path,
        target: &Path,
        with: impl FnOnce(Tool) -> Tool,
    ) -> Result<PathBuf, Failure> {
        let tool = OVERRIDES
            .iter()
            .fold(cargo(), |tool, name| tool.without_env(name));
        with(tool.dir(checkout))
            .args(["rustc", "--package", self.package, "--lib"])
            .args(["--crate-type", "cdylib", "--profile", "wasm"])
            .args(["--no-default-features", "--features", self.features])
            .args(["--target", WASM, "--target-dir"])
            .args([target.as_os_str(), "--".as_ref()])
            .args(RUSTC)
            .run()?;
        let file = format!("{}.wasm", self.package.replace('-', "_"));
        Ok(target.join(WASM).join("wasm").join(file))
    }

    /// Writes `wscodec.js`, `wscodec.d.ts` and `wscodec.wasm`, as they are published, to the folder of
    /// a compiled module.
    pub fn finish(&self, compiled: &Path, folder: &Path) -> Result<(), Failure> {
        bindings(compiled, folder)?;
        let bound = folder.join("wscodec_bg.wasm");
        if self.limited {
            growth::limit(&bound, growth::PAGES)?;
        }
        optimise(&bound, &folder.join("wscodec.wasm"))
    }
}

/// Has wasm-opt write a smaller and faster module.
pub fn optimise(from: &Path, to: &Path) -> Result<(), Failure> {
    node::tool("binaryen/bin/wasm-opt")
        .args([from])
        .args(WASM_OPT)
        .args(["-o".as_ref(), to.as_os_str()])
        .run()
        .map(drop)
}

/// The core module of the codec as a component: see `component.rs`.
pub const COMPONENT: Module = Module {
    name: "component",
    package: "wscodec-component",
    features: "",
    folder: "",
    limited: true,
};

/// The builds; what they are for is said in the package's README.
pub const MODULES: [Module; 4] = [
    Module::codec("wscodec", "deflate", ""),
    Module::codec("slim", "", "slim"),
    Module::codec("zlib", "zlib-rs", "zlib"),
    Module {
        name: "inspect",
        package: "wscodec-inspect-wasm",
        features: "",
        folder: "inspect",
        limited: false,
    },
];

/// Set by anyone, these make cargo ignore the flags in `.cargo/config.toml`.
const OVERRIDES: [&str; 2] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"];

/// The features of every runtime that the package promises; wasm-opt must use no more.
const WASM_OPT: [&str; 12] = [
    "-O3",
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
];

/// The linker optimises the module once more: what only the messages of panics are made of is
/// found to be of no use by then, and the paths of this machine with it.
const RUSTC: [&str; 2] = ["-C", "linker-plugin-lto"];

/// The modules to build: all of them, or the one that the variable `WSCODEC_ONLY` names. It makes
/// the time from a change to a test a third of what it is, and such a build is not for publishing.
fn wanted() -> impl Iterator<Item = &'static Module> {
    let only = std::env::var("WSCODEC_ONLY").ok();
    MODULES
        .iter()
        .filter(move |module| only.as_deref().is_none_or(|only| only == module.name))
}

/// Compiles the crate as wasm modules, with the flags of `.cargo/config.toml`.
pub fn compile() -> Result<String, Failure> {
    let set = OVERRIDES
        .iter()
        .filter(|name| std::env::var_os(name).is_some());
    let set: Vec<_> = set.copied().collect();
    let target = paths::target()?;
    let mut done = Vec::new();
    for module in wanted() {
        let work = work(&target, module);
        let stamp = work.join("sources");
        let kept = work.join("compiled.wasm");
        let list = work.join("compiled.d");
        if kept.exists()
            && let Ok(old) = fs::read_to_string(&stamp)
            && sources(module, &list).is_ok_and(|state| state == old)
        {
            continue;
        }
        let _ = fs::remove_file(&stamp);
        let built = module.compile(paths::root(), &target, |tool| tool)?;
        // cargo has one place for all sets of features, so it would compile all anew each time.
        put(&kept, &read(&built)?)?;
        put(&list, &read(&built.with_extension("d"))?)?;
        put(&stamp, sources(module, &list)?.as_bytes())?;
        done.push(module.name);
    }
    if done.is_empty() {
        return Ok("unchanged".to_owned());
    }
    Ok(if set.is_empty() {
        done.join(", ")
    } else {
        format!("without {}, which would undo simd128", set.join(" and "))
    })
}

/// Makes `js/generated` from the compiled modules.
pub fn finish() -> Result<String, Failure> {
    let target = paths::target()?;
    let mut notes = Vec::new();
    for module in wanted() {
        let note = finish_one(module, &work(&target, module))?;
        notes.push(format!("{}: {note}", module.name));
    }
    Ok(notes.join("; "))
}

fn finish_one(module: &Module, work: &Path) -> Result<String, Failure> {
    let generated = paths::generated().join(module.folder);
    let compiled = work.join("compiled.wasm");
    let bytes = read(&compiled)?;
    let state = state(&bytes)?;
    let stamp = generated.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == state) {
        return Ok("unchanged".to_owned());
    }
    // A stamp beside files that are half replaced would vouch for them.
    let _ = fs::remove_file(&stamp);

    module.finish(&compiled, work)?;
    let note = check_simd(&work.join("wscodec.wasm"), &work.join("wscodec.js"))?;

    let names = ["wscodec.js", "wscodec.d.ts", "wscodec.wasm"];
    for name in names {
        put(&generated.join(name), &read(&work.join(name))?)?;
    }
    put(&stamp, state.as_bytes())?;
    Ok(note)
}

/// Where a module is made.
fn work(target: &Path, module: &Module) -> PathBuf {
    target.join("wscodec-bindings").join(module.name)
}

/// The sources and the tools of a module. `list` is cargo's, in which the crate's own files
/// are: those of rooms that the module does not have are not.
fn sources(module: &Module, list: &Path) -> Result<String, Failure> {
    let list = String::from_utf8_lossy(&read(list)?).into_owned();
    let (_, list) = list.split_once(": ").unwrap_or_default();
    let files = list.trim_end().replace("\\ ", "\0");
    let files = files.split(' ').map(|file| file.replace('\0', " "));
    let others = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"];
    let others = others.map(|file| paths::root().join(file));
    let mut hasher = DefaultHasher::new();
    (module.features, RUSTC).hash(&mut hasher);
    for file in files.map(PathBuf::from).chain(others) {
        file.hash(&mut hasher);
        read(&file)?.hash(&mut hasher);
    }
    Tool::new("rustc").args(["-vV"]).stdout()?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// The inputs of the generated files: the module, the tools and their options.
fn state(module: &[u8]) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    module.hash(&mut hasher);
    (WASM_OPT, growth::VERSION).hash(&mut hasher);
    for lock in [
        paths::root().join("Cargo.lock"),
        paths::js().join("package-lock.json"),
    ] {
        read(&lock)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Writes `wscodec.js`, `wscodec.d.ts` and `wscodec_bg.wasm`.
fn bindings(module: &Path, folder: &Path) -> Result<(), Failure> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("wscodec")
        .typescript(true)
        .omit_default_module_path(true);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .map_err(|error| Failure::new(format!("wasm-bindgen: {error:#}")))
}

/// The flag is easily lost, and without it the module works, only many times slower:
/// so both what the crate was told and what the compiler did are looked at.
fn check_simd(module: &Path, glue: &Path) -> Result<String, Failure> {
    let script = "import { pathToFileURL } from 'node:url';\
                  import { readFileSync } from 'node:fs';\
                  const [glue, module] = process.argv.slice(1);\
                  const { initSync, simd } = await import(pathToFileURL(glue).href);\
                  initSync({ module: readFileSync(module) });\
                  console.log(simd());";
    let told = node::node()
        .args(["--input-type=module", "--no-warnings", "-e", script])
        .args([&glue.with_extension("mjs"), &module.to_path_buf()]);
    fs::copy(glue, glue.with_extension("mjs"))
        .map_err(|error| Failure::file("copy", glue, &error))?;
    if told.stdout()?.trim() != "true" {
        return Err(Failure::new(
            "the wasm module was built without SIMD: does a cargo config file of yours replace \
             the rustflags that .cargo/config.toml sets for wasm32-unknown-unknown?",
        ));
    }
    let count = simd::instructions(&read(module)?)
        .map_err(|error| Failure::new(format!("the wasm module cannot be read: {error}")))?;
    if count == 0 {
        return Err(Failure::new(
            "the wasm module has no SIMD instruction in its code",
        ));
    }
    Ok(format!("{count} SIMD instructions"))
}

pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

/// Writes a whole file at once, so that who reads it meanwhile sees the old or the new.
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&new, bytes))
        .and_then(|()| fs::rename(&new, path))
        .map_err(|error| Failure::file("write", path, &error))
}
