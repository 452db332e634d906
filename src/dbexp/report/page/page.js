"use strict";
// The page is whole without this script: it only adds the scheme's button, copying, and the enlarged view.
const at = (id) => document.getElementById(id);

const schemes = ["auto", "light", "dark"];
const root = document.documentElement;
function showScheme() {
  root.dataset.theme = schemes.includes(root.dataset.theme) ? root.dataset.theme : "auto";
  at("theme").textContent = `Colours: ${root.dataset.theme}`;
}
at("theme").addEventListener("click", () => {
  root.dataset.theme = schemes[(schemes.indexOf(root.dataset.theme) + 1) % schemes.length];
  showScheme();
  try { localStorage.setItem("dbexp-theme", root.dataset.theme); } catch { /* it holds until the page is left */ }
});
showScheme();

for (const button of document.querySelectorAll(".copy")) {
  const text = button.parentElement.querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch { // not allowed: leave it selected, for the reader to copy
      getSelection().selectAllChildren(text);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
}

const viewer = at("viewer");
const shots = [...document.querySelectorAll("button.shot")];
let open = null;
const visible = () => shots.filter((shot) => shot.checkVisibility());
function show(shot) {
  const image = shot.querySelector("img"), all = visible();
  open = shot;
  at("viewer-image").src = image.src;
  at("viewer-image").alt = image.alt;
  at("viewer-image").classList.toggle("pixels", shot.classList.contains("pixels"));
  at("viewer-title").textContent = shot.dataset.title;
  at("viewer-facts").textContent = shot.dataset.facts;
  at("viewer-file").parentElement.hidden = !shot.dataset.file;
  at("viewer-file").href = shot.dataset.file.split("/").map(encodeURIComponent).join("/");
  at("viewer-place").textContent = `${all.indexOf(shot) + 1} of ${all.length}`;
}
function move(by) {
  const all = visible();
  show(all[(all.indexOf(open) + by + all.length) % all.length]);
}
for (const shot of shots) shot.addEventListener("click", () => { show(shot); viewer.showModal(); });
at("previous").addEventListener("click", () => move(-1));
at("next").addEventListener("click", () => move(1));
at("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});
viewer.addEventListener("close", () => { if (open) { open.scrollIntoView({ block: "nearest" }); open.focus(); } });
