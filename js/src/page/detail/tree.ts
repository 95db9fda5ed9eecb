/** JSON and MessagePack as a tree that can be folded. The module lays a payload out in lines. */

import { element } from "../dom/dom.ts";

/** A value, with the lines within it if it is an object or an array. */
export interface TreeNode {
  readonly text: string;
  readonly children: TreeNode[];
  /** The bracket that closes it. */
  close: string;
}

/** Depth up to which a tree is open at first, and members that an open value has at most. */
const DEPTH = 3;
const MEMBERS = 100;

/** The tree of a layout. A line that ends with a bracket opens a value; one that begins with one closes it. */
export function treeOf(layout: string): TreeNode[] {
  const root: TreeNode = { text: "", children: [], close: "" };
  const open = [root];
  for (const line of layout.split("\n")) {
    const text = line.trimStart();
    const parent = open.at(-1) ?? root;
    if (/^[}\]]/.test(text)) {
      parent.close = text;
      if (open.length > 1) open.pop();
      continue;
    }
    const node: TreeNode = { text, children: [], close: "" };
    parent.children.push(node);
    if (/[{[]$/.test(text)) open.push(node);
  }
  return root.children;
}

/** The member's name and value of a line, in colours. */
function labelOf(text: string): Node[] {
  const name = /^("(?:[^"\\]|\\.)*"): /.exec(text);
  const value = name === null ? text : text.slice(name[0].length);
  const kind = value.startsWith('"') ? "string" : /^[{[]/.test(value) ? "bracket" : "literal";
  const shown = element("span", { class: kind }, value);
  return name === null ? [shown] : [element("span", { class: "name" }, name[1] ?? ""), document.createTextNode(": "), shown];
}

function branch(node: TreeNode, depth: number): HTMLElement {
  if (node.close === "") return element("div", { class: "leaf" }, ...labelOf(node.text));
  const count = node.children.length;
  const summary = element("summary", {}, ...labelOf(node.text));
  summary.append(element("span", { class: "folded" }, ` ${count} … ${node.close}`));
  const made = element("details", {}, summary);
  let filled = false;
  const fill = () => {
    if (filled) return;
    filled = true;
    made.append(...part(node.children, depth + 1), element("div", { class: "close" }, node.close));
  };
  made.addEventListener("toggle", fill);
  if (depth < DEPTH && count <= MEMBERS) {
    fill();
    made.open = true;
  }
  return made;
}

/** The first members, and a button for the others. */
function part(nodes: readonly TreeNode[], depth: number, from = 0): HTMLElement[] {
  const shown = nodes.slice(from, from + MEMBERS).map((node) => branch(node, depth));
  const left = nodes.length - from - MEMBERS;
  if (left > 0) {
    const more = element("button", { type: "button", class: "more" }, `Show more of ${left} members`);
    more.addEventListener("click", () => more.replaceWith(...part(nodes, depth, from + MEMBERS)));
    shown.push(more);
  }
  return shown;
}

/** A view of a layout. */
export function treeView(layout: string): HTMLElement {
  return element("div", { class: "tree" }, ...part(treeOf(layout), 0));
}
