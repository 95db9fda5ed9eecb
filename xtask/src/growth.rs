//! A limit on how far a wasm module's memory grows, which JavaScript or the module itself can set.
//!
//! All connections of a program share one module, and a peer can make each of them hold up to its
//! message limit. So the module needs a limit for all of them together, as the native server has one.
//! It has to be exact, and it has to hold for the allocations of miniz_oxide and zlib-rs too, which
//! can't be counted from outside. The allocator (talc) has no such limit, and an allocator of our own
//! needs `unsafe`, which the crate forbids. But there is one instruction by which memory grows,
//! `memory.grow`, and it may fail: it returns -1, the allocator returns null, and all growth that a
//! peer can cause goes by `try_reserve`. So this file replaces each `memory.grow` by a call of
//!
//! ```text
//! (global (export "max_pages") (mut i32) (i32.const 1024))
//! (func (param $pages i32) (result i32)
//!   memory.size + $pages <= max_pages ? memory.grow($pages) : -1)
//! ```
//!
//! JavaScript sets the global. The codec as a component sets it by itself, by a function that it imports
//! ([`SETTER`]) and that this file implements.
//!
//! Tried before: a maximum in the memory section, which cannot be changed once the module runs; and a
//! check before large allocations, which refuses what the allocator could have served from memory that
//! it has got back.

use std::path::Path;

use walrus::ir::{BinaryOp, MemoryGrow, VisitorMut, dfs_pre_order_mut};
use walrus::{
    ConstExpr, FunctionBuilder, FunctionId, GlobalId, InstrSeqBuilder, MemoryId, Module, ValType,
};

use crate::tool::Failure;

/// Changes whenever this file makes another module of the same one.
pub const VERSION: u32 = 2;

/// The name of the exported global.
const EXPORT: &str = "max_pages";

/// The import by which a module sets the limit, in pages.
const SETTER: (&str, &str) = ("wscodec", "set_max_pages");

/// Until JavaScript says more: 64 MiB, for runtimes that allow 128 MiB in all.
pub const PAGES: i32 = 1024;

/// All pages that there can be: no limit until the module sets one.
pub const ALL: i32 = 65_536;

/// Limits the growth of the module in this file, to `pages` at first.
pub fn limit(file: &Path, pages: i32) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?;
    let bytes = limited(&bytes, pages)?;
    std::fs::write(file, bytes).map_err(|error| Failure::file("write", file, &error))
}

fn limited(module: &[u8], pages: i32) -> Result<Vec<u8>, Failure> {
    let mut module = Module::from_buffer(module)
        .map_err(|error| Failure::new(format!("the wasm module cannot be read: {error:#}")))?;
    let memory = module
        .get_memory_id()
        .map_err(|error| Failure::new(format!("the wasm module has no one memory: {error:#}")))?;
    let (grow, most) = capped(&mut module, memory, pages);
    implement_setter(&mut module, most)?;
    let functions: Vec<_> = module.funcs.iter_local().map(|(id, _)| id).collect();
    let mut replaced = 0;
    for id in functions.into_iter().filter(|id| *id != grow) {
        let function = module.funcs.get_mut(id).kind.unwrap_local_mut();
        let entry = function.entry_block();
        let mut visitor = Replace { grow, replaced: 0 };
        dfs_pre_order_mut(&mut visitor, function, entry);
        replaced += visitor.replaced;
    }
    if replaced == 0 {
        return Err(Failure::new(
            "the wasm module has no memory.grow, so its memory cannot be limited",
        ));
    }
    Ok(module.emit_wasm())
}

/// Adds the function and the global of the head of this file.
fn capped(module: &mut Module, memory: MemoryId, first: i32) -> (FunctionId, GlobalId) {
    let most = module.globals.add_local(
        ValType::I32,
        true,
        false,
        ConstExpr::Value(walrus::ir::Value::I32(first)),
    );
    module.exports.add(EXPORT, most);
    let pages = module.locals.add(ValType::I32);
    let mut function = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
    // 65,536 pages are the most that there can be, so that the sum does not overflow: a larger
    // request, which `memory.grow` would refuse, is refused first.
    function
        .func_body()
        .local_get(pages)
        .i32_const(65_536)
        .binop(BinaryOp::I32LeU)
        .memory_size(memory)
        .local_get(pages)
        .binop(BinaryOp::I32Add)
        .global_get(most)
        .binop(BinaryOp::I32LeU)
        .binop(BinaryOp::I32And)
        .if_else(
            ValType::I32,
            |then: &mut InstrSeqBuilder<'_>| {
                then.local_get(pages).memory_grow(memory);
            },
            |otherwise| {
                otherwise.i32_const(-1);
            },
        );
    (function.finish(vec![pages], &mut module.funcs), most)
}

/// Makes the import that sets the global a function of the module, if there is one.
fn implement_setter(module: &mut Module, most: GlobalId) -> Result<(), Failure> {
    let (space, name) = SETTER;
    let Ok(import) = module.imports.get_func(space, name) else {
        return Ok(());
    };
    module
        .replace_imported_func(import, |(body, arguments)| {
            body.local_get(arguments[0]).global_set(most);
        })
        .map(|_| ())
        .map_err(|error| Failure::new(format!("{name} cannot be implemented: {error:#}")))
}

struct Replace {
    grow: FunctionId,
    replaced: usize,
}

impl VisitorMut for Replace {
    fn visit_instr_mut(&mut self, instr: &mut walrus::ir::Instr, _: &mut walrus::InstrLocId) {
        if let walrus::ir::Instr::MemoryGrow(MemoryGrow { .. }) = instr {
            *instr = walrus::ir::Instr::Call(walrus::ir::Call { func: self.grow });
            self.replaced += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, EXPORT, PAGES, SETTER, limited};

    /// A module of one memory and one function `(i32) -> i32`, with this code.
    fn module(code: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        bytes.extend([1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1]);
        let size = u8::try_from(code.len() + 2).unwrap();
        bytes.extend([7, 5, 1, 1, b'f', 0, 0]);
        bytes.extend([10, size + 2, 1, size, 0]);
        bytes.extend(code);
        bytes.push(0x0b);
        bytes
    }

    #[test]
    fn each_growth_goes_by_the_limit() {
        // local.get 0, memory.grow 0.
        let limited = limited(&module(&[0x20, 0, 0x40, 0]), PAGES).unwrap();
        let mut grows = 0;
        for payload in wasmparser::Parser::new(0).parse_all(&limited) {
            if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
                for operator in body.get_operators_reader().unwrap() {
                    grows += usize::from(matches!(
                        operator.unwrap(),
                        wasmparser::Operator::MemoryGrow { .. }
                    ));
                }
            }
        }
        assert_eq!(grows, 1, "only that of the limit itself");
        let name = EXPORT.as_bytes();
        assert!(limited.windows(name.len()).any(|window| window == name));
    }

    #[test]
    fn a_module_sets_its_limit_by_an_import() {
        let mut importing = walrus::Module::from_buffer(&module(&[0x20, 0, 0x40, 0])).unwrap();
        let ty = importing.types.add(&[walrus::ValType::I32], &[]);
        importing.add_import_func(SETTER.0, SETTER.1, ty);
        let limited = limited(&importing.emit_wasm(), ALL).unwrap();
        let limited = walrus::Module::from_buffer(&limited).unwrap();
        assert!(limited.imports.iter().next().is_none());
    }

    #[test]
    fn a_module_that_does_not_grow_is_refused() {
        // local.get 0.
        assert!(limited(&module(&[0x20, 0]), PAGES).is_err());
    }
}
