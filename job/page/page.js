// Draws the page's charts, shows tooltips, and marks the trial that is pointed at or picked in every figure and table.
// A mark's aria-label says what it is; "Trial 7" alone stands for the trial's description, which is written once.

const charts = JSON.parse(document.getElementById("charts").textContent);
const tip = document.getElementById("tip");
const marks = new Map(); // trial's name -> its elements
let pointed = null;
let picked = null;

const labelled = (node) => node?.closest?.(".plots svg [aria-label], [data-trial]") ?? null;
const labelOf = (mark) => mark.dataset.trial ?? mark.getAttribute("aria-label");
const trialOf = (mark) => (mark && /^Trial \d+/.exec(labelOf(mark))?.[0]) ?? null;

function collect() {
  marks.clear();
  for (const mark of document.querySelectorAll(".plots svg [aria-label^='Trial '], tr[data-trial]"))
    marks.set(trialOf(mark), [...(marks.get(trialOf(mark)) ?? []), mark]);
}

function show() {
  for (const mark of document.querySelectorAll(".marked-trial, .pointed"))
    mark.classList.remove("marked-trial", "pointed");
  pointed?.classList.add("pointed");
  const trial = trialOf(pointed) ?? picked;
  document.body.classList.toggle("marking", trial !== null);
  for (const mark of marks.get(trial) ?? []) mark.classList.add("marked-trial");
}

function point(mark, x, y) {
  if (mark !== pointed) {
    pointed = mark;
    show();
  }
  tip.hidden = !mark || mark.matches("tr");
  if (tip.hidden) return;
  const label = labelOf(mark);
  tip.textContent = charts.trials[label] ?? label;
  const left = Math.min(x + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const below = y + 18 + tip.offsetHeight < window.innerHeight;
  tip.style.left = `${Math.max(left, 8) + window.scrollX}px`;
  tip.style.top = `${(below ? y + 18 : y - tip.offsetHeight - 12) + window.scrollY}px`;
}

// thin lines and small dots are met a few pixels beside them, too
function markAt(x, y) {
  for (const reach of [0, 3, 6, 10])
    for (const [dx, dy] of reach ? [[0, -1], [0, 1], [-1, 0], [1, 0]] : [[0, 0]]) {
      const mark = labelled(document.elementFromPoint(x + dx * reach, y + dy * reach));
      if (mark) return mark;
    }
  return null;
}

function follow({ target, clientX, clientY }) {
  point(target.closest(".plots, tr[data-trial]") && markAt(clientX, clientY), clientX, clientY);
}

function pick(mark) {
  const trial = trialOf(mark);
  picked = trial === picked ? null : trial;
  show();
}

document.addEventListener("pointermove", follow);
document.addEventListener("click", (event) => {
  follow(event);
  if (event.target.closest(".plots, tr[data-trial]")) pick(pointed);
});

// arrow keys walk through a figure's marks, Enter picks a trial, Escape lets go
document.addEventListener("keydown", (event) => {
  const plots = event.target.closest(".plots");
  const row = event.target.closest("tr[data-trial]");
  if (event.key === "Escape") {
    picked = null;
    point(null);
    show();
  } else if ((plots || row) && (event.key === "Enter" || event.key === " ")) {
    pick(row ?? pointed);
    event.preventDefault();
  } else if (plots && /^Arrow|^Home$|^End$/.test(event.key)) {
    const all = [...plots.querySelectorAll("svg [aria-label]")];
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const at = { Home: 0, End: all.length - 1 }[event.key] ?? all.indexOf(pointed) + step;
    const mark = all[Math.max(Math.min(at, all.length - 1), 0)];
    const box = mark.getBoundingClientRect();
    point(mark, box.left + box.width / 2, box.top + box.height / 2);
    event.preventDefault();
  }
});
document.addEventListener("focusin", (event) => event.target.closest(".plots") || point(null));

async function draw() {
  await Promise.all(["400 12px Roboto", "500 12px Roboto"].map((font) => document.fonts.load(font)));
  for (const [name, specs] of Object.entries(charts.figures)) {
    for (const [index, spec] of specs.entries()) {
      const place = document.getElementById(`${name}-${index}`);
      const view = new View(parse(spec, null, { ast: true }), { expr: expressionInterpreter, renderer: "svg" });
      await view.initialize(place).runAsync();
      for (const name of ["role", "aria-label", "aria-roledescription"]) place.removeAttribute(name);
    }
    await new Promise(setTimeout); // the page answers between two figures
  }
  collect();
  document.body.classList.add("drawn");
  performance.mark("drawn");
}

for (const [name, specs] of Object.entries(charts.figures))
  for (const [index, spec] of specs.entries())
    document.getElementById(`${name}-${index}`).style.minHeight = `${spec.height ?? 0}px`;
window.addEventListener("load", () => setTimeout(draw));
