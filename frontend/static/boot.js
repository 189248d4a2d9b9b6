// Starts the WebAssembly part. File names carry hashes, so they come from the page, not from here.
const address = (id) => document.getElementById(id).href;

let charts;
// The charts are by far the largest script; pages that draw ask for them once.
globalThis.arboristCharts = () => (charts ??= import(document.querySelector('meta[name="arborist:charts"]').content));

const tell = (title, text) => {
  const boot = document.getElementById("boot");
  if (!boot) return;
  boot.querySelector("[data-boot-title]").textContent = title;
  boot.querySelector("[data-boot-text]").textContent = text;
  boot.querySelector("[data-boot-retry]").hidden = false;
  boot.classList.add("ab-boot--failed");
};

document.querySelector("[data-boot-retry]")?.addEventListener("click", () => location.reload());

try {
  const glue = await import(address("arborist-glue"));
  await glue.default({ module_or_path: address("arborist-wasm") });
} catch (error) {
  console.error(error);
  if (typeof WebAssembly !== "object") {
    tell("This browser is too old", "Arborist needs WebAssembly. Any browser of the last three years has it.");
  } else {
    tell("The page could not be loaded", "The server did not deliver all of its files. Check the connection, then load again.");
  }
}
