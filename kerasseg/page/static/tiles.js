// An image larger than the model's input, by overlapping tiles.

import { infer, sizeOf } from "./model.js";

const GRAY = 127; // What lies around the image.

/**
 * The class ids of `ImageData` in its own size, and milliseconds.
 *
 * `goOn(number, count)` is called before each tile; where it gives false, so
 * does this function.
 */
export async function runTiled(model, image, goOn = () => true) {
  const { sidecar } = model;
  const rows = starts(image.height, model.height);
  const columns = starts(image.width, model.width);
  const classes = sidecar.num_classes;
  const stride = (columns.at(-1) + model.width) * classes;
  const band = new Float32Array(model.height * stride);
  const ids = new Uint16Array(image.width * image.height);
  let milliseconds = 0;
  let tiles = 0;
  for (const [row, top] of rows.entries()) {
    const down = window(rows, row, model.height);
    for (const [column, left] of columns.entries()) {
      tiles += 1;
      if (!(await goOn(tiles, rows.length * columns.length))) return false;
      const found = await infer(model, cut(image, left, top, model));
      milliseconds += found.milliseconds;
      const across = window(columns, column, model.width);
      const place = band.subarray(left * classes);
      blend(found.output, sidecar, place, { stride, down, across });
    }
    const below = Math.min(rows[row + 1] ?? image.height, image.height);
    const done = ids.subarray(top * image.width, below * image.width);
    choose(band, { stride, classes, width: image.width }, done);
    band.copyWithin(0, (below - top) * stride);
    band.fill(0, band.length - (below - top) * stride);
  }
  return { width: image.width, height: image.height, ids, milliseconds, tiles };
}

/** Where tiles begin that share 3/16 of a side or more. */
function starts(length, side) {
  // On the grid of the model's coarsest features, if the tile has room.
  const step = side >= 256 ? 32 : 2;
  const steps = Math.max(0, Math.ceil((length - side) / step));
  const most = Math.floor((side - Math.floor((side * 3) / 16)) / step);
  const count = Math.ceil(steps / most) + 1;
  return Array.from(
    { length: count },
    (_, i) => step * Math.floor((steps * i) / Math.max(1, count - 1)),
  );
}

/** Weights of a tile along an axis; those of two neighbors sum to 1. */
function window(places, index, side) {
  const weights = new Float32Array(side).fill(1);
  for (const other of [index - 1, index + 1]) {
    if (!(other in places)) continue;
    const shared = side - Math.abs(places[other] - places[index]);
    for (let i = 0; i < shared; i += 1) {
      // They are blended in the middle quarter of what both see.
      const angle = (i + 0.5 - (shared * 3) / 8) / (shared / 4);
      const share = Math.min(1, Math.max(0, angle));
      const ramp = Math.sin((share * Math.PI) / 2) ** 2;
      weights[other < index ? i : side - 1 - i] *= ramp;
    }
  }
  return weights;
}

/** A tile of the image, in the model's size. */
function cut(image, left, top, { width, height }) {
  const tile = new ImageData(width, height);
  for (let i = 0; i < tile.data.length; i += 1) {
    tile.data[i] = i % 4 === 3 ? 255 : GRAY;
  }
  const end = Math.min(left + width, image.width);
  for (let y = 0; y < Math.min(height, image.height - top); y += 1) {
    const row = (top + y) * image.width;
    const pixels = image.data.subarray(4 * (row + left), 4 * (row + end));
    tile.data.set(pixels, 4 * y * width);
  }
  return tile;
}

/** Adds the weighted output of a tile to what its neighbors gave. */
function blend(output, { output: spec, num_classes: classes }, band, place) {
  const { stride, down, across } = place;
  const size = sizeOf({ layout: spec.layout, shape: output.dims });
  const pixel = spec.layout === "NHWC" ? classes : 1;
  const plane = spec.layout === "NHWC" ? 1 : size.width * size.height;
  for (let y = 0; y < down.length; y += 1) {
    const row = Math.floor((y * size.height) / down.length) * size.width;
    for (let x = 0; x < across.length; x += 1) {
      const column = Math.floor((x * size.width) / across.length);
      const from = (row + column) * pixel;
      const to = y * stride + x * classes;
      const weight = Math.fround(down[y] * across[x]);
      if (spec.name === "mask") {
        band[to + Number(output.data[from])] += weight;
        continue;
      }
      for (let c = 0; c < classes; c += 1) {
        band[to + c] += Math.fround(output.data[from + c * plane] * weight);
      }
    }
  }
}

/** The class of the largest sum, for the rows that are complete. */
function choose(band, { stride, classes, width }, ids) {
  for (let i = 0; i < ids.length; i += 1) {
    const start = Math.floor(i / width) * stride + (i % width) * classes;
    let best = 0;
    for (let c = 1; c < classes; c += 1) {
      if (band[start + c] > band[start + best]) best = c;
    }
    ids[i] = best;
  }
}
