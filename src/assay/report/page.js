// Moves every gallery through the eps of its frames. Without it the frames stand in a table.
"use strict";
for (const box of document.querySelectorAll(".frames")) {
  const slide = box.querySelector("input"), out = box.querySelector("output"), told = box.querySelector("[aria-live]");
  const eps = JSON.parse(box.dataset.eps), sums = JSON.parse(box.dataset.sums), home = Number(slide.value);
  const palette = box.dataset.palette; // of images in grey: 256 colours
  const cards = [];
  for (const run of box.querySelectorAll("[data-at]")) {
    const at = JSON.parse(run.dataset.at);
    for (const card of run.querySelectorAll("[data-says]")) {
      cards.push({card, at, says: JSON.parse(card.dataset.says), frame: card.querySelector(".frame"),
        change: card.querySelector("[data-scale]"), still: card.querySelector("[data-still]"), last: -1});
    }
  }
  const pixels = one => { // of all its frames, once
    one.pixels ??= new Promise(resolve => {
      const image = new Image(), url = getComputedStyle(one.frame).backgroundImage;
      image.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = image.width; canvas.height = image.height;
        const context = canvas.getContext("2d", {willReadFrequently: true});
        context.drawImage(image, 0, 0);
        resolve(context.getImageData(0, 0, image.width, image.height));
      };
      image.src = url.slice(url.indexOf("data:"), url.lastIndexOf(")")).replace(/["']$/, "");
    });
    return one.pixels;
  };
  const draw = async (one, step) => { // what changed, as the page draws it: see pictures.signed
    one.first ??= one.change.src;
    const all = await pixels(one), of = one.says.length, width = all.width / of, height = all.height;
    if (one.last !== step) return;
    if (one.at[home] === step) { one.change.src = one.first; return; }
    const canvas = document.createElement("canvas"), scale = Number(one.change.dataset.scale) * 255;
    canvas.width = width; canvas.height = height;
    const context = canvas.getContext("2d"), drawn = context.createImageData(width, height);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const to = 4 * (y * width + x), from = 4 * (y * all.width + x), now = from + 4 * step * width;
      const unit = [0, 1, 2].map(k =>
        scale ? Math.min(1, Math.max(-1, (all.data[now + k] - all.data[from + k]) / scale)) : 0);
      const level = unit.map(value => Math.round(255 * (value / 2 + 0.5)));
      for (const k of [0, 1, 2]) {
        drawn.data[to + k] = palette ? parseInt(palette.substr(6 * level[0] + 2 * k, 2), 16) : level[k];
      }
      drawn.data[to + 3] = 255;
    }
    context.putImageData(drawn, 0, 0);
    one.change.src = canvas.toDataURL();
  };
  const show = step => {
    slide.value = step;
    out.textContent = eps[step];
    slide.setAttribute("aria-valuetext", "eps " + eps[step]);
    if (told.textContent !== sums[step]) told.textContent = sums[step];
    for (const one of cards) {
      const own = one.at[step];
      if (own === one.last) continue;
      one.last = own;
      const [answer, verdict, alt] = one.says[own];
      one.frame.style.setProperty("--at", own);
      one.frame.setAttribute("aria-label", alt);
      one.card.querySelector(".says").textContent = answer;
      one.card.querySelector(".word").textContent = verdict;
      if (one.change) draw(one, own);
      if (one.still) one.still.style.visibility = one.at[home] === own ? "" : "hidden"; // it is of that eps alone
    }
  };
  slide.addEventListener("input", () => show(Number(slide.value)));
  let before = home;
  addEventListener("beforeprint", () => { before = Number(slide.value); show(home); });
  addEventListener("afterprint", () => show(before));
  box.querySelector(".slide").hidden = false;
  show(home);
}
