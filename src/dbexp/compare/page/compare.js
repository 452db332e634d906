// Sorting, filtering, another reference, and one setting lit wherever it stands. The page is whole without it.
const table = at("table"), lines = [...table.tBodies[0].rows], filter = at("filter");

function valueIn(row, column) {
  const cell = row.cells[column];
  if (!cell || cell.classList.contains("message")) return "";
  return cell.dataset.value ?? cell.textContent.trim();
}
function compare(a, b, way) {
  if (a === "" || b === "") return (a === "") - (b === ""); // what has no value stays below
  const [x, y] = [Number(a), Number(b)];
  return way * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y);
}
for (const head of table.querySelectorAll("thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    lines.sort((a, b) => compare(valueIn(a, head.cellIndex), valueIn(b, head.cellIndex), way));
    table.tBodies[0].append(...lines);
  });
}

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  for (const line of lines) {
    const text = line.textContent.toLowerCase();
    line.hidden = !words.every((word) => text.includes(word));
  }
  const seen = lines.filter((line) => !line.hidden).length;
  if (words.length && at("amid")) at("amid").checked = true; // what is looked for may stand in a line on the way
  at("shown-count").textContent = words.length ? `${seen} of ${lines.length}` : "";
});

const reference = at("reference");
function showReference() {
  for (const part of document.querySelectorAll(".against")) part.hidden = part.dataset.reference !== reference.value;
}
if (reference) {
  reference.addEventListener("change", showReference);
  showReference(); // a reload may keep what was chosen
}

function light(number) {
  for (const each of document.querySelectorAll(".lit")) each.classList.remove("lit");
  if (number) for (const each of document.querySelectorAll(`[data-setting="${number}"]`)) each.classList.add("lit");
}
document.addEventListener("pointerover", (event) => light(event.target.closest?.("[data-setting]")?.dataset.setting));
