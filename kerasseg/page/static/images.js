// Images as the models were trained: colors as in the file, without alpha.

const SMALLEST = 32; // Pixels a side, as for the model in Keras.

/** The image in a file, as a canvas. */
export async function readImage(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
  }).catch(() => {
    throw new Error("This file is not an image that the browser can read.");
  });
  if (Math.min(bitmap.width, bitmap.height) < SMALLEST) {
    throw new Error(`An image must be at least ${SMALLEST} pixels a side.`);
  }
  const copied = copy(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  await dropAlpha(copied, blob);
  return copied;
}

/** A canvas with what an image or a video shows. */
export function copy(source, width, height) {
  const copied = new OffscreenCanvas(width, height);
  contextOf(copied).drawImage(source, 0, 0);
  return copied;
}

/** All pixels of a canvas, or of one that is shrunk to a size. */
export function pixelsOf(canvas, { width, height } = canvas) {
  if (width === canvas.width && height === canvas.height) {
    return contextOf(canvas).getImageData(0, 0, width, height);
  }
  const context = contextOf(new OffscreenCanvas(width, height));
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function contextOf(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** Uncovers the colors of transparent pixels, which models are trained on. */
async function dropAlpha(copied, blob) {
  const drawn = pixelsOf(copied);
  if (drawn.data.every((value, i) => i % 4 < 3 || value === 255)) return;
  const pixels = await unmultiplied(blob);
  for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
  const { width, height } = copied;
  contextOf(copied).putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** RGBA bytes of an image as its file has them; a 2D canvas loses some. */
async function unmultiplied(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  const pixels = new Uint8ClampedArray(4 * width * height);
  if (gl) {
    const texture = gl.createTexture();
    const format = [gl.RGBA, gl.UNSIGNED_BYTE];
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, ...format, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    const target = [gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D];
    gl.framebufferTexture2D(...target, texture, 0);
    gl.readPixels(0, 0, width, height, ...format, pixels);
  }
  bitmap.close();
  if (!gl || gl.getError() !== gl.NO_ERROR) {
    throw new Error("Save this image without alpha: WebGL cannot read it here.");
  }
  return pixels;
}
