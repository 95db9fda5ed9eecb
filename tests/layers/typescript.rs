//! Reads which TypeScript file imports which other file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::graph::Uses;

/// The files below `folder` with the files that they import, types or values. Files outside of the
/// folder, which are generated, do not count.
pub(crate) fn uses(folder: &Path) -> Uses {
    let of = |file: String| {
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        let used = imports(&text)
            .iter()
            .filter_map(|path| from_root(&file, path))
            .collect();
        (file, used)
    };
    super::files(folder, "ts").into_iter().map(of).collect()
}

/// The relative paths that a file imports or exports from.
fn imports(text: &str) -> BTreeSet<String> {
    let code = without_comments(text);
    let starts = ["from \"", "import \"", "import(\""];
    let found = starts.iter().flat_map(|start| code.split(start).skip(1));
    found
        .filter_map(|rest| rest.split('"').next())
        .filter(|path| path.starts_with('.'))
        .map(str::to_owned)
        .collect()
}

/// Examples in comments import as well, so they go. A `//` within a string goes with its line, which
/// takes no import along.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let blocks = parts.filter_map(|part| part.split_once("*/"));
    let code = blocks.fold(first, |code, (_, rest)| code + rest);
    let lines = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A path as seen from the folder of sources, or none if it leads out of it.
fn from_root(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[test]
fn imports_are_read() {
    let text = "/** import a from \"./comment.ts\"; */\n\
        // import b from \"./line.ts\";\n\
        import { a } from \"./a.ts\";\nimport type {\n  B,\n} from \"../b/b.ts\";\n\
        export * from \"./c.ts\";\nimport \"./d.ts\";\nconst e = await import(\"./e.ts\");\n\
        import fs from \"node:fs\";\n";
    let found: Vec<_> = imports(text).into_iter().collect();
    assert_eq!(found, ["../b/b.ts", "./a.ts", "./c.ts", "./d.ts", "./e.ts"]);
    let seen = |path| from_root("message/cursor.ts", path);
    assert_eq!(seen("./a.ts").as_deref(), Some("message/a.ts"));
    assert_eq!(seen("../b/b.ts").as_deref(), Some("b/b.ts"));
    assert_eq!(seen("../../generated/codes.ts"), None);
}
