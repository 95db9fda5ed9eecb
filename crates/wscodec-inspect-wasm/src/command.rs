//! The command `wscodec inspect`: arguments and bytes of files in, bytes of output out. The host in
//! `js/src/inspect/command.ts` reads the files and writes the output.

use crate::address;
use wasm_bindgen::prelude::wasm_bindgen;
use wscodec_inspect::command::{Asked, HELP, OutputFile, Run, read};

/// Bytes for a file that the command writes.
#[wasm_bindgen]
pub struct FileBytes {
    file: OutputFile,
}

#[wasm_bindgen]
impl FileBytes {
    /// The name of the file, as the command line has it.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.file.name.clone()
    }

    /// The next bytes.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.file.bytes.clone()
    }

    /// Whether the file has these bytes only.
    #[wasm_bindgen(getter)]
    pub fn whole(&self) -> bool {
        self.file.whole
    }
}

/// One run of the command.
#[wasm_bindgen]
pub struct InspectRun {
    run: Run,
    files: Vec<String>,
    keys: Vec<String>,
    out: Vec<u8>,
}

#[wasm_bindgen]
impl InspectRun {
    /// A run with these words behind `inspect`; `None` if they ask for the help. `columns` is the width
    /// of the terminal, and 0 if the output is no terminal.
    ///
    /// # Errors
    /// A sentence that names the wrong option.
    pub fn read(
        words: Vec<String>,
        columns: usize,
        color: bool,
    ) -> Result<Option<InspectRun>, String> {
        let mut arguments = match read(words)? {
            Asked::Inspect(arguments) => *arguments,
            Asked::Help => return Ok(None),
        };
        if arguments.open {
            return Err("--open: only the native program has this option".into());
        }
        if arguments.width.is_none() && columns > 0 {
            arguments.width = Some(columns);
        }
        let (files, keys) = (arguments.files.clone(), arguments.keys.clone());
        Ok(Some(Self {
            run: Run::new(arguments, color),
            files,
            keys,
            out: Vec::new(),
        }))
    }

    /// The text of `--help`.
    pub fn help() -> String {
        HELP.to_owned()
    }

    /// The names of the files; `-` is standard input.
    pub fn files(&self) -> Vec<String> {
        self.files.clone()
    }

    /// The names of the files with TLS keys.
    #[wasm_bindgen(js_name = keyFiles)]
    pub fn key_files(&self) -> Vec<String> {
        self.keys.clone()
    }

    /// The content of a file with TLS keys.
    pub fn keys(&mut self, bytes: &[u8]) {
        self.run.keys(bytes);
    }

    /// The index of the file to read from next; `None` if nothing more has to be read.
    pub fn wants(&self) -> Option<usize> {
        self.run.wants()
    }

    /// The next bytes of a file.
    pub fn push(&mut self, file: usize, bytes: &[u8]) {
        self.run.push(file, bytes, &mut self.out);
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize) {
        self.run.end(file, &mut self.out);
    }

    /// A file can't be read, for this reason.
    pub fn fail(&mut self, file: usize, why: &str) {
        self.run.fail(file, why);
    }

    /// Where the output lies in the module's memory.
    pub fn address(&self) -> u32 {
        address(&self.out)
    }

    /// Bytes of output.
    pub fn length(&self) -> usize {
        self.out.len()
    }

    /// Drops the output, which the host has copied, and keeps its memory.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Takes the bytes for files. The host appends those of one name, after it has made the file empty for
    /// the first of them.
    pub fn written(&mut self) -> Vec<FileBytes> {
        let files = self.run.files().into_iter();
        files.map(|file| FileBytes { file }).collect()
    }

    /// Takes the sentences for standard error.
    pub fn complaints(&mut self) -> Vec<String> {
        self.run.complaints()
    }

    /// All files are read. Returns the exit status.
    pub fn finish(&mut self) -> u8 {
        self.run.finish(&mut self.out)
    }

    /// Whether nothing of interest was found.
    #[wasm_bindgen(js_name = isEmpty)]
    pub fn is_empty(&self) -> bool {
        self.run.is_empty()
    }
}
