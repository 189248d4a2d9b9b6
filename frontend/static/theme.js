// Runs before the first paint, so that a dark page never flashes white.
{
  let choice = "system";
  try {
    choice = localStorage.getItem("arborist:theme") ?? "system";
  } catch {
    // Storage may be switched off; the system's choice holds then.
  }
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", dark);
}
