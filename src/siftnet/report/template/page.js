"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const slider = document.getElementById("round");
  const label = document.getElementById("round-label");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const options = { displaylogo: false, responsive: true, displayModeBar: false, scrollZoom: false };
  let at = page.start;

  // Colours: "@accent" in a figure is --accent in the style sheet, which knows the theme.
  const role = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const scale = (name) => {
    const stops = role(name).split(/,\s*(?=#)/);
    return stops.map((color, i) => [i / (stops.length - 1), color]);
  };
  const painted = (value, key = "") => {
    if (Array.isArray(value)) return value.map((v) => painted(v, key));
    if (value !== null && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v, k)]));
    if (typeof value === "string" && value[0] === "@" && /color/.test(key))
      return key === "colorscale" ? scale(value.slice(1)) : role(value.slice(1));
    return value;
  };

  // Figures: drawn when they come near the window, and only then brought to the slider's round.
  const plots = [...document.querySelectorAll(".plot")];
  const near = new Set();
  const narrow = () => document.documentElement.clientWidth < 640;
  const mark = (x) => ({
    type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below",
    line: { color: "@accent", width: 6 }, opacity: 0.16,
  });
  const draw = (plot) => {
    const figure = page.figures[plot.dataset.figure];
    const layout = structuredClone(figure.layout);
    if (figure.follow && page.rounds.length > 1)
      layout.shapes = [...(layout.shapes || []), mark(figure.follow[at])];
    if (narrow()) {
      layout.margin.l = Math.min(layout.margin.l, 44);
      layout.font.size = 12;
    }
    layout.font.family = role("sans");
    const traces = figure.frames ? figure.frames[at] : figure.data;
    Plotly.react(plot, painted(traces), painted(layout), options);
    plot.dataset.drawn = at;
  };
  const sees = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) near.add(entry.target);
      else near.delete(entry.target);
      if (entry.isIntersecting && entry.target.dataset.drawn !== String(at)) draw(entry.target);
    }
  }, { rootMargin: "600px 0px" });

  // Galleries: one sprite a round; every canvas cuts out its node.
  const sprites = new Map();
  const sprite = (uri) => {
    if (!sprites.has(uri)) {
      const image = new Image();
      image.src = uri;
      sprites.set(uri, image.decode().then(() => image));
    }
    return sprites.get(uri);
  };
  const paint = (canvas, image, gallery) => {
    const [w, h] = gallery.picture;
    const pen = canvas.getContext("2d");
    pen.globalCompositeOperation = "source-over";
    pen.clearRect(0, 0, w, h);
    pen.drawImage(image, canvas.dataset.place * w, canvas.dataset.row * h, w, h, 0, 0, w, h);
    if (!gallery.coloured && canvas.classList.contains("mask")) {
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = role("ink");
      pen.fillRect(0, 0, w, h);
    }
  };
  const showGallery = async (element) => {
    const gallery = page.galleries[element.dataset.gallery];
    const wanted = Math.min(at, gallery.sprites.length - 1);
    const image = await sprite(gallery.sprites[wanted]);
    // The slider may have moved on while the sprite was decoded.
    if (wanted !== Math.min(at, gallery.sprites.length - 1)) return;
    for (const canvas of element.querySelectorAll("canvas")) paint(canvas, image, gallery);
    for (const count of element.querySelectorAll("[data-count]"))
      count.textContent = gallery.counts[wanted][count.dataset.count].toLocaleString("en");
  };

  const show = () => {
    if (slider) slider.value = at;
    if (slider) slider.setAttribute("aria-valuetext", page.rounds[at].label);
    if (label) label.textContent = page.rounds[at].label;
    document.querySelectorAll(".gallery").forEach(showGallery);
    for (const note of document.querySelectorAll("[data-notes]"))
      note.textContent = page.figures[note.dataset.notes].notes[at];
    for (const plot of near) if (plot.dataset.drawn !== String(at)) draw(plot);
  };
  const fromAddress = () => {
    const found = /^#round=(\d+)$/.exec(location.hash);
    const place = found ? page.rounds.findIndex((r) => r.number === Number(found[1])) : -1;
    if (place >= 0) at = place;
  };

  let queued = false;
  const later = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; show(); });
  };
  if (slider) {
    slider.addEventListener("input", () => { at = Number(slider.value); later(); });
    slider.addEventListener("change", () => history.replaceState(null, "", `#round=${page.rounds[at].number}`));
  }
  addEventListener("hashchange", () => { fromAddress(); show(); });
  addEventListener("beforeprint", () => plots.forEach(draw));
  dark.addEventListener("change", () => {
    for (const plot of plots) delete plot.dataset.drawn;
    show();
  });
  fromAddress();
  show();
  plots.forEach((plot) => sees.observe(plot));
})();
