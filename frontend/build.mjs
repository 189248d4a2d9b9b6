// Bundles style sheet, fonts, charts and the two boot scripts into build/, under names that carry a hash.
// `build/manifest.json` maps each name that index.html asks for to its hashed file.
// The WebAssembly part is not made here: `cargo xtask` adds it and fills in the template.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "build");

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// PatternFly's variables come for every theme it has; only its light and its dark one are used here.
const twoThemes = {
  name: "two-themes",
  setup: (bundler) =>
    bundler.onLoad({ filter: /patternfly-variables\.css$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      return { contents: text.replace(/^:root:where\([^)]*theme-(?:felt|glass|high-contrast)[^)]*\) \{[^}]*\}\n?/gm, ""), loader: "css" };
    }),
};

const result = await build({
  absWorkingDir: here,
  entryPoints: ["assets/style.css", "assets/charts.js", "static/boot.js", "static/theme.js"],
  outdir: out,
  entryNames: "[name]",
  assetNames: "[name]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16.4"],
  loader: { ".woff2": "file" },
  plugins: [twoThemes],
  legalComments: "linked",
  logLevel: "warning",
  write: false,
});

// esbuild's own hashes are not hexadecimal, which is how the server tells names that never change their content.
const hashed = (name, bytes) => {
  const extension = name.endsWith(".LEGAL.txt") ? ".LEGAL.txt" : extname(name);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  return `${name.slice(0, -extension.length)}-${hash}${extension}`;
};

const outputs = result.outputFiles.map((file) => ({ name: basename(file.path), bytes: Buffer.from(file.contents) }));
outputs.push({ name: "favicon.svg", bytes: await readFile(join(here, "static/favicon.svg")) });
// What others refer to comes first, so that references can be rewritten before the referring file is hashed.
const rank = ({ name }) => (name.endsWith(".css") || name.endsWith(".js") ? 1 : 0);
outputs.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));

const files = {};
for (const { name, bytes } of outputs) {
  let content = bytes;
  if (rank({ name }) === 1) {
    let text = bytes.toString("utf8");
    for (const [plain, final] of Object.entries(files)) text = text.replaceAll(plain, final);
    content = Buffer.from(text);
  }
  files[name] = hashed(name, content);
  await writeFile(join(out, files[name]), content);
}
await writeFile(join(out, "manifest.json"), `${JSON.stringify(files, null, 2)}\n`);
