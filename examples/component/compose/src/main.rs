//! Plugs components into the imports of another one: `compose SOCKET PLUG OUT`.

use wac_graph::{CompositionGraph, EncodeOptions, plug, types::Package};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [socket, component, out] = &arguments[..] else {
        return Err("compose SOCKET PLUG OUT".into());
    };
    let mut graph = CompositionGraph::new();
    let component = Package::from_file("codec", None, component, graph.types_mut())?;
    let component = graph.register_package(component)?;
    let socket = Package::from_file("guest", None, socket, graph.types_mut())?;
    let socket = graph.register_package(socket)?;
    plug(&mut graph, vec![component], socket)?;
    std::fs::write(out, graph.encode(EncodeOptions::default())?)?;
    Ok(())
}
