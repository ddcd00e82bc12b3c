// Files to the server, slices by wheel and keys, and the download: what the page's own controls do not do.
(() => {
  const tell = (problem) => window.trame.state.update({ problem, said: "" });
  const step = (slices) => window.trame.trigger("step", [slices]);

  async function send(slot, files) {
    if (!files.length || window.trame.state.get("busy")) return;
    const endsFusion = slot !== "segmentation" && window.trame.state.get("unkept");
    if (endsFusion && !window.confirm("Another volume ends the fusion on this page, which was not downloaded. Go on?")) return;
    const form = new FormData();
    for (const file of files) form.append("file", file, file.name);
    window.trame.state.update({ said: "Reading " + files[0].name + " ...", problem: "" });
    try {
      const answer = await fetch("upload/" + slot, { method: "POST", body: form });
      if (answer.status < 500 && !answer.ok) tell(await answer.text());
    } catch {
      tell("The server does not answer: start 'fusioninn view' again.");
    }
  }

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches?.("input[type=file][data-slot]")) return;
    send(input.dataset.slot, input.files).finally(() => (input.value = ""));
  });

  // Files that are dropped beside a place must not replace the page.
  const placeOf = (event) => event.target.closest?.(".slot[data-slot]");
  const mark = (place) => document.querySelectorAll(".slot").forEach((one) => one.classList.toggle("over", one === place));
  document.addEventListener("dragover", (event) => { event.preventDefault(); mark(placeOf(event)); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(null);
    const place = placeOf(event);
    if (place) send(place.dataset.slot, event.dataTransfer.files);
    else if (event.dataTransfer.files.length) tell("Drop the file on First volume, Second volume or Segmentation.");
  });

  // The whole title of a view as its tool tip, where the pointer is at a shortened one: what lies over a view does not see the pointer.
  document.addEventListener("pointermove", (event) => {
    const view = event.target.closest?.(".view");
    const title = view?.querySelector(".title"), start = title?.querySelector(".start");
    if (!title) return;
    const box = title.getBoundingClientRect();
    const isOver = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    view.title = isOver && start.scrollWidth > start.clientWidth ? title.dataset.full : "";
  });

  // One step at a time is under way; what the wheel turned meanwhile is added up, so that the slices never lag behind the hand.
  let turned = 0, pending = 0, moving = false;
  async function move() {
    if (moving) return;
    moving = true;
    while (pending) {
      const slices = pending;
      pending = 0;
      await step(slices);
    }
    moving = false;
  }
  document.addEventListener("wheel", (event) => {
    if (!event.target.closest?.(".view")) return;
    event.preventDefault();
    event.stopPropagation();
    turned += event.deltaMode ? event.deltaY * 40 : event.deltaY; // lines or pixels
    const slices = Math.trunc(turned / 40);
    if (!slices) return;
    turned = 0;
    pending -= Math.sign(slices) * Math.min(Math.ceil(Math.abs(slices) / 3), 5);
    move();
  }, { capture: true, passive: false });

  const keys = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target.closest?.("input, select, textarea, [role=slider]");
    if (event.ctrlKey || event.metaKey || event.altKey || elsewhere) return;
    if (event.key in keys) {
      event.preventDefault();
      pending += keys[event.key];
      move();
    } else if (event.key === "b" || event.key === "B") {
      const state = window.trame.state;
      if (!state.get("why").blink || state.get("blink")) state.set("blink", !state.get("blink"));
    } else if (event.key === "o" || event.key === "O") {
      window.trame.state.set("outlined", !window.trame.state.get("outlined"));
    }
  });

  // The server says that a result is ready by naming it.
  const watch = () => {
    if (!window.trame?.state?.watch) { setTimeout(watch, 200); return; }
    window.trame.state.watch(["download"], (address) => {
      if (!address) return;
      window.trame.state.set("download", ""); // so that a page that is opened again does not fetch it again
      const link = document.createElement("a");
      link.href = address;
      link.download = "";
      link.click();
    });
  };
  watch();
})();
