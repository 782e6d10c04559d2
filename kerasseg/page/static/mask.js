// Class ids: their names and colors, and the file that holds them.

/** The class's name, or its number where there are none. */
export function nameOf({ class_names: names }, id) {
  return names?.[id] ?? `class ${id}`;
}

/** The colors of all classes: the sidecar's, or Pascal VOC's. */
export function colorsOf({ palette, num_classes: count }) {
  return palette ?? Array.from({ length: count }, (_, id) => vocColor(id));
}

function vocColor(id) {
  const rgb = [0, 0, 0];
  for (let bit = 0; bit < 24; bit += 1) {
    rgb[bit % 3] |= ((id >> bit) & 1) << (7 - Math.floor(bit / 3));
  }
  return rgb;
}

/** The ids present, with their share of the pixels, the largest first. */
export function shares({ ids }) {
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([id, count]) => ({ id, share: count / ids.length }));
}

/** A PNG file of class ids in a size: with colors, up to 256 classes. */
export async function maskFile(mask, { width, height }, colors) {
  const few = colors.length <= 256;
  const line = 1 + width * (few ? 1 : 2); // After the number of a filter.
  const lines = new DataView(new ArrayBuffer(line * height));
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor(((y + 0.5) * mask.height) / height) * mask.width;
    for (let x = 0; x < width; x += 1) {
      const column = Math.floor(((x + 0.5) * mask.width) / width);
      const id = mask.ids[row + column];
      if (few) lines.setUint8(y * line + 1 + x, id);
      else lines.setUint16(y * line + 1 + 2 * x, id);
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, few ? 8 : 16);
  header.setUint8(9, few ? 3 : 0);
  const palette = few ? [chunk("PLTE", Uint8Array.from(colors.flat()))] : [];
  const stream = new Blob([lines]).stream();
  const packed = new Response(
    stream.pipeThrough(new CompressionStream("deflate")),
  );
  return new Blob(
    [
      Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
      chunk("IHDR", new Uint8Array(header.buffer)),
      ...palette,
      chunk("IDAT", new Uint8Array(await packed.arrayBuffer())),
      chunk("IEND", new Uint8Array(0)),
    ],
    { type: "image/png" },
  );
}

function chunk(name, content) {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, checksum(bytes.subarray(4, -4)));
  return bytes;
}

function checksum(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
  }
  return ~sum >>> 0;
}
