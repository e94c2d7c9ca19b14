(() => {
  "use strict";
  const tip = document.getElementById("tip");

  // Tooltips of charts: what stands in data-tip, beside the pointer.
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest ? event.target.closest("[data-tip]") : null;
    tip.hidden = !target;
    if (!target) return;
    tip.replaceChildren(
      ...target.dataset.tip.split(" · ").map((line) => {
        const row = document.createElement("div");
        row.textContent = line;
        return row;
      }),
    );
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const below = event.clientY + 16;
    const top = below + box.height > innerHeight ? event.clientY - box.height - 10 : below;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${Math.max(top, 8)}px`;
  });

  // Tables: a click on a title sorts by it, another one turns the order round.
  for (const table of document.querySelectorAll("table.sortable")) {
    const titles = [...table.tHead.rows[0].cells];
    titles.forEach((title, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title.textContent;
      title.replaceChildren(button);
      button.addEventListener("click", () => {
        const numbers = title.classList.contains("number");
        const falling = title.ariaSort ? title.ariaSort === "ascending" : numbers;
        titles.forEach((other) => other.removeAttribute("aria-sort"));
        title.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const value = (row) => row.cells[index].dataset.value;
        const compare = numbers
          ? (a, b) => (Number(value(a)) || 0) - (Number(value(b)) || 0)
          : (a, b) => value(a).localeCompare(value(b));
        const rows = [...table.tBodies[0].rows].sort(compare);
        if (falling) rows.reverse();
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
