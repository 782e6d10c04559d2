// Parts of the page that are made anew for each result.

import { drawClose } from "./draw.js";
import { colorsOf, nameOf, shares } from "./mask.js";

const SIDE = 448; // Pixels of a close-up's canvas.

/** The classes of a result with their shares, as items of a list. */
export function legend(result) {
  const { sidecar } = result;
  return shares(result).map(({ id, share }) => {
    const item = document.createElement("li");
    const swatch = document.createElement("i");
    swatch.style.background = `rgb(${colorsOf(sidecar)[id]})`;
    const percent = (100 * share).toFixed(1);
    item.append(swatch, `${nameOf(sidecar, id)} ${percent} %`);
    return item;
  });
}

/** A figure of the surroundings of a spot. */
export function closeup(image, result, title, { spot, strength }) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption");
  canvas.width = SIDE;
  canvas.height = SIDE;
  drawClose(canvas, image, result, spot, strength);
  caption.textContent = title;
  figure.append(canvas, caption);
  return figure;
}
