//! Whether a wasm module really computes with vectors.

use wasmparser::{Parser, Payload};

/// The byte before every instruction of the SIMD proposal.
const VECTOR_PREFIX: u8 = 0xfd;

/// Counts the vector instructions in the code of a module.
pub fn instructions(module: &[u8]) -> wasmparser::Result<usize> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionEntry(body) = payload? {
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                let at = operators.original_position();
                operators.read()?;
                count += usize::from(module[at] == VECTOR_PREFIX);
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::instructions;

    /// A module of one function without parameters, with this code.
    fn module(code: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        bytes.extend([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]);
        let size = u8::try_from(code.len() + 2).unwrap();
        bytes.extend([10, size + 2, 1, size, 0]);
        bytes.extend(code);
        bytes.push(0x0b);
        bytes
    }

    #[test]
    fn counts_vector_instructions() {
        // v128.const (i32x4 0 0 0 0), i8x16.popcnt, drop.
        let mut code = vec![0xfd, 0x0c];
        code.extend([0; 16]);
        code.extend([0xfd, 0x62, 0x1a]);
        assert_eq!(instructions(&module(&code)).unwrap(), 2);
    }

    #[test]
    fn leaves_out_the_prefix_inside_operands() {
        // i32.const 253 is 0x41 0xfd 0x01.
        let code = [0x41, 0xfd, 0x01, 0x1a];
        assert_eq!(instructions(&module(&code)).unwrap(), 0);
    }
}
