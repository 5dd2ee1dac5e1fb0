// Paints the points, in one of two ways that look the same: with WebGL, or pixel by pixel where there
// is no WebGL or it is painted in software, which takes about a microsecond for a point.

// The colour code of each drawn point, and what each code looks like.
const codes = new Uint8Array(drawn.length);
const palette = { colors: new Uint8Array(256 * 4), visible: new Uint8Array(256) };
// Points that a search or a selection lifts out of the others.
const lit = { of: new Uint8Array(drawn.length), any: false, indices: new Uint32Array(0) };

const paper = { printing: false };

const dark = () => {
  if (paper.printing) return false;
  const choice = document.querySelector('input[name=theme]:checked').value;
  return choice === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : choice === 'dark';
};

// As in the pictures: dots shrink as they grow many, and are the paler the more lie over one another.
const BASE_RADIUS = Math.min(4.5, Math.max(1, 6 - Math.log10(Math.max(1, drawn.length))));
const pile = (() => {
  const CELLS = 48;
  const cells = new Uint32Array(CELLS * CELLS);
  const cell = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(((value + 1) / 2) * CELLS)));
  for (let i = 0; i < drawn.length; i++) cells[cell(positions[i * 3]) * CELLS + cell(positions[i * 3 + 1])]++;
  let neighbours = 0;
  for (const n of cells) neighbours += n * n;
  // Neighbours of the typical point in a square whose side is one unit.
  return ((neighbours / Math.max(1, drawn.length)) * CELLS * CELLS) / 4;
})();

function look() {
  const radius = Math.min(9, BASE_RADIUS * Math.max(1, camera.zoom) ** 0.3 * Number(byId('size').value));
  const overlap = (pile * Math.PI * radius * radius) / (camera.unit * camera.unit);
  const alpha = Math.min(0.85, Math.max(0.3, 0.95 / Math.max(1, overlap) ** 0.35));
  return { radius, alpha };
}

// Sizes are diameters in dots of the screen.
function strokes(points, ratio) {
  const { radius, alpha } = look();
  // A sample is as strong as all.
  const stronger = 1 - (1 - alpha) ** Math.min(4, drawn.length / Math.max(1, points));
  return {
    ground: dark() ? [0x12, 0x14, 0x17] : [255, 255, 255],
    grey: dark() ? [0x5d, 0x63, 0x6c, 255] : [0xb4, 0xb9, 0xc1, 255],
    size: 2 * radius * ratio,
    alpha: lit.any ? stronger * 0.5 : stronger,
    litSize: 2 * (radius + 0.8) * ratio,
    litAlpha: Math.max(alpha, lit.indices.length < 5000 ? 0.9 : 0.6),
  };
}

const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in float code;
uniform sampler2D colors;
uniform mat3 turn;
uniform vec2 unit;
uniform vec2 shift;
uniform float size;
flat out vec3 color;
void main() {
  vec4 found = texelFetch(colors, ivec2(int(code), 0), 0);
  vec3 turned = turn * position;
  gl_Position = found.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(turned.xy * unit + shift, 0.0, 1.0);
  gl_PointSize = size;
  color = found.rgb;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec3 color;
uniform float size;
uniform float alpha;
uniform vec4 fade;
out vec4 pixel;
void main() {
  float inside = clamp((0.5 - distance(gl_PointCoord, vec2(0.5))) * size + 0.5, 0.0, 1.0) * alpha;
  pixel = vec4(mix(color, fade.rgb, fade.a) * inside, inside);
}`;

function webgl() {
  const canvas = byId('webgl');
  const gl = canvas.getContext('webgl2', { antialias: false, depth: false, stencil: false, powerPreference: 'high-performance' });
  if (!gl) return null;
  const shader = (kind, source) => {
    const made = gl.createShader(kind);
    gl.shaderSource(made, source);
    gl.compileShader(made);
    return made;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const at = Object.fromEntries(['turn', 'unit', 'shift', 'size', 'alpha', 'fade'].map((name) => [name, uniform(name)]));
  const buffer = (target, data, usage) => {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, data, usage);
    return made;
  };
  buffer(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  const coded = buffer(gl.ARRAY_BUFFER, codes, gl.DYNAMIC_DRAW);
  gl.enableVertexAttribArray(1);
  gl.vertexAttribPointer(1, 1, gl.UNSIGNED_BYTE, false, 0, 0);
  const indexed = buffer(gl.ELEMENT_ARRAY_BUFFER, lit.indices, gl.DYNAMIC_DRAW);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);

  return {
    canvas,
    recolor() {
      gl.bindBuffer(gl.ARRAY_BUFFER, coded);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, codes);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette.colors);
    },
    relight() {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indexed);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, lit.indices, gl.DYNAMIC_DRAW);
    },
    // The first `points` of the scattered order.
    draw(points) {
      const { ground, grey, size, alpha, litSize, litAlpha } = strokes(points, canvas.width / camera.width);
      const shares = (color) => color.map((byte) => byte / 255);
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(...shares(ground), 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniformMatrix3fv(at.turn, true, camera.turn);
      gl.uniform2f(at.unit, (2 * camera.unit) / camera.width, (2 * camera.unit) / camera.height);
      gl.uniform2f(at.shift, (2 * camera.x) / camera.width, (-2 * camera.y) / camera.height);
      gl.uniform1f(at.size, size);
      gl.uniform1f(at.alpha, alpha);
      gl.uniform4f(at.fade, ...shares(grey.slice(0, 3)), lit.any ? 1 : 0);
      gl.drawArrays(gl.POINTS, 0, points);
      if (!lit.any) return;
      gl.uniform4f(at.fade, 0, 0, 0, 0);
      gl.uniform1f(at.size, litSize);
      gl.uniform1f(at.alpha, litAlpha);
      gl.drawElements(gl.POINTS, lit.indices.length, gl.UNSIGNED_INT, 0);
    },
    // Waits until all that was asked for is painted.
    finish() {
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    },
  };
}

function pixels() {
  const canvas = byId('pixels');
  const context = canvas.getContext('2d', { alpha: false });
  let image = null;

  // The pixels of a disc and their opacity of 256, for points in a quarter of a pixel.
  const stamp = (diameter, quarter, alpha) => {
    const side = Math.ceil(diameter) + 1;
    const middle = [side / 2 - 0.25 + (quarter & 1) / 2, side / 2 - 0.25 + (quarter >> 1) / 2];
    const cover = [];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const far = Math.hypot(x + 0.5 - middle[0], y + 0.5 - middle[1]);
        const opacity = Math.round(256 * alpha * Math.min(1, Math.max(0, diameter / 2 - far + 0.5)));
        if (opacity > 0) cover.push([x, y, opacity]);
      }
    }
    const column = (at) => Int32Array.from(cover, (pixel) => pixel[at]);
    return { side, xs: column(0), ys: column(1), offsets: Int32Array.from(cover, ([x, y]) => y * canvas.width + x), opacities: column(2) };
  };

  // `indices` of drawn points, or the first `points` of all.
  function dots(indices, points, diameter, alpha, faded, ratio) {
    const { width, height } = image;
    const out = new Uint32Array(image.data.buffer);
    const stamps = [0, 1, 2, 3].map((quarter) => stamp(diameter, quarter, alpha));
    const side = stamps[0].side;
    const color = (code, channel) => (faded ? faded[channel] : palette.colors[code * 4 + channel]);
    // Red and blue are blended in one multiplication, their products do not meet.
    const outer = Uint32Array.from({ length: 256 }, (_, code) => (color(code, 2) << 16) | color(code, 0));
    const inner = Uint32Array.from({ length: 256 }, (_, code) => color(code, 1) << 8);
    const [a, b, c, d, e, f] = camera.turn;
    const unit = camera.unit * ratio;
    const left = (camera.width / 2 + camera.x) * ratio - side / 2;
    const top = (camera.height / 2 + camera.y) * ratio - side / 2;
    for (let k = 0; k < points; k++) {
      const i = indices ? indices[k] : k;
      const code = codes[i];
      if (palette.visible[code] === 0) continue;
      const px = positions[i * 3];
      const py = positions[i * 3 + 1];
      const pz = positions[i * 3 + 2];
      const x = left + (a * px + b * py + c * pz) * unit;
      const y = top - (d * px + e * py + f * pz) * unit;
      if (!(x > -side && y > -side && x < width && y < height)) continue;
      const column = Math.floor(x);
      const row = Math.floor(y);
      const { xs, ys, offsets, opacities } = stamps[(x - column >= 0.5 ? 1 : 0) + (y - row >= 0.5 ? 2 : 0)];
      const start = row * width + column;
      const whole = column >= 0 && row >= 0 && column + side <= width && row + side <= height;
      const redBlue = outer[code];
      const green = inner[code];
      for (let m = 0; m < offsets.length; m++) {
        if (!whole && (column + xs[m] < 0 || column + xs[m] >= width || row + ys[m] < 0 || row + ys[m] >= height)) continue;
        const at = start + offsets[m];
        const below = out[at];
        const opacity = opacities[m];
        out[at] =
          0xff000000 |
          (((Math.imul(below & 0xff00ff, 256 - opacity) + Math.imul(redBlue, opacity)) >>> 8) & 0xff00ff) |
          (((Math.imul(below & 0xff00, 256 - opacity) + Math.imul(green, opacity)) >>> 8) & 0xff00);
      }
    }
  }

  return {
    canvas,
    recolor() {},
    relight() {},
    draw(points) {
      if (image?.width !== canvas.width || image?.height !== canvas.height) image = context.createImageData(canvas.width, canvas.height);
      const ratio = canvas.width / camera.width;
      const { ground, grey, size, alpha, litSize, litAlpha } = strokes(points, ratio);
      new Uint32Array(image.data.buffer).fill((0xff000000 | (ground[2] << 16) | (ground[1] << 8) | ground[0]) >>> 0);
      dots(null, points, size, alpha, lit.any ? grey : null, ratio);
      if (lit.any) dots(lit.indices, lit.indices.length, litSize, litAlpha, null, ratio);
      context.putImageData(image, 0, 0);
    },
    finish() {},
  };
}

let painter = null;

// A slow machine draws a sample of the points while the map moves, and all of them when it stands.
const MOVING = 160;
const FRAME = 32;
const motion = { until: 0, budget: drawn.length };
let asked = false;

function redraw() {
  if (asked || !painter) return;
  asked = true;
  requestAnimationFrame((now) => {
    asked = false;
    const sample = now < motion.until && motion.budget < drawn.length;
    const start = performance.now();
    painter.draw(sample ? Math.round(motion.budget) : drawn.length);
    // WebGL paints later: there the first measurement holds.
    const cost = performance.now() - start;
    if (sample && painter.canvas.id === 'pixels') motion.budget *= Math.min(1.2, Math.max(0.7, FRAME / Math.max(cost, 1)));
    document.body.dataset.drawn = sample ? 'sample' : 'all';
  });
}

let settled = 0;
function moved() {
  motion.until = performance.now() + MOVING;
  clearTimeout(settled);
  settled = setTimeout(redraw, MOVING + 20);
  placeRing();
  redraw();
}

// Milliseconds for a picture of so many points.
function timed(candidate, points) {
  const start = performance.now();
  candidate.draw(points);
  candidate.finish();
  return performance.now() - start;
}

function use(candidate) {
  painter = candidate;
  for (const id of ['webgl', 'pixels']) byId(id).hidden = byId(id) !== candidate.canvas;
  resize();
}

// Takes WebGL where it is the faster, and finds out how many points a frame can have.
function calibrate() {
  const candidate = webgl();
  if (candidate) {
    candidate.canvas.width = painter.canvas.width;
    candidate.canvas.height = painter.canvas.height;
    candidate.recolor();
    candidate.relight();
    const few = Math.min(drawn.length, 10000);
    timed(candidate, few);
    if (timed(candidate, few) < 15 && timed(candidate, drawn.length) < timed(painter, drawn.length)) {
      candidate.canvas.addEventListener('webglcontextlost', () => use(pixels()));
      use(candidate);
    }
  }
  // Again, because the first time a script runs it is slow.
  motion.budget = Math.max(20000, drawn.length * (FRAME / Math.max(timed(painter, drawn.length), 0.1)));
  document.body.dataset.painter = painter.canvas.id;
}
