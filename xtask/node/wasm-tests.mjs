// Runs a test binary that was compiled for wasm32-unknown-unknown: cargo's runner for that target.
//
//   node wasm-tests.mjs FILE.wasm
//
// Such a binary imports nothing, so it can print nothing: it returns 0 when all its tests passed and traps at the first that
// failed. The trap's stack names that test.

import { readFileSync } from "node:fs";
import { basename } from "node:path";

Error.stackTraceLimit = 50;
const file = process.argv[2];
const started = performance.now();
let failed;
try {
  const { instance } = await WebAssembly.instantiate(readFileSync(file), {});
  const code = instance.exports.main(0, 0);
  if (code !== 0) failed = `ended with ${code}`;
} catch (error) {
  failed = `${error.message}, in\n${places(error.stack).join("\n")}`;
}
const name = basename(file).replace(/-[0-9a-f]+\.wasm$/, "");
if (failed) {
  console.error(`${name}, as WebAssembly: ${failed}`);
  process.exitCode = 1;
} else {
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  console.log(`test result: ok. all tests of ${name}, as WebAssembly in node; finished in ${seconds}s`);
}

// Paths of the functions in a stack, innermost first, without those of the standard library.
function places(stack) {
  const paths = [...stack.matchAll(/_ZN(\S*?)17h[0-9a-f]{16}E/g)].map(([, mangled]) => path(mangled));
  return paths.filter((path) => !/^(std|core|alloc|test|_?<)/.test(path)).map((path) => `  ${path}`);
}

// A path as rustc writes it into a symbol: each part behind its length.
function path(mangled) {
  const parts = [];
  for (let rest = mangled; rest; ) {
    const length = parseInt(rest, 10);
    if (Number.isNaN(length)) break;
    const start = String(length).length;
    parts.push(rest.slice(start, start + length));
    rest = rest.slice(start + length);
  }
  return parts.join("::");
}
