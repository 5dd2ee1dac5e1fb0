// Paints the points, in one of two ways that look the same: with WebGL, or pixel by pixel where there
// is no WebGL or it is painted in software, which takes about a microsecond for a point.

// The colour code of each drawn point, and what each code looks like.
const codes = new Uint8Array(drawn.length);
const palette = { colors: new Uint8Array(256 * 4), visible: new Uint8Array(256) };
// Points that a search or a selection lifts out of the others.
const lit = { of: new Uint8Array(drawn.length), any: false, indices: new Uint32Array(0) };

const dark = () => {
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

  // The coverage of a disc, for points in each quarter of a pixel.
  const stamp = (diameter, shift, alpha) => {
    const side = Math.ceil(diameter) + 1;
    const cover = new Uint16Array(side * side);
    const middles = [side / 2 - 0.25 + (shift & 1) / 2, side / 2 - 0.25 + (shift >> 1) / 2];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const far = Math.hypot(x + 0.5 - middles[0], y + 0.5 - middles[1]);
        cover[y * side + x] = Math.round(256 * alpha * Math.min(1, Math.max(0, diameter / 2 - far + 0.5)));
      }
    }
    return { side, cover };
  };

  // `indices` of drawn points, or the first `points` of all.
  function dots(indices, points, diameter, alpha, faded, ratio) {
    const { width, height } = image;
    const out = new Uint8Array(image.data.buffer);
    const stamps = [0, 1, 2, 3].map((shift) => stamp(diameter, shift, alpha));
    const side = stamps[0].side;
    const colors = faded ? new Uint8Array(256 * 4).map((_, at) => faded[at % 4]) : palette.colors;
    const [a, b, c, d, e, f] = camera.turn;
    const unit = camera.unit * ratio;
    const left = (camera.width / 2 + camera.x) * ratio - side / 2;
    const top = (camera.height / 2 + camera.y) * ratio - side / 2;
    for (let k = 0; k < points; k++) {
      const i = indices ? indices[k] : k;
      const code = codes[i];
      if (!palette.visible[code]) continue;
      const [px, py, pz] = [positions[i * 3], positions[i * 3 + 1], positions[i * 3 + 2]];
      const x = left + (a * px + b * py + c * pz) * unit;
      const y = top - (d * px + e * py + f * pz) * unit;
      if (!(x > -side && y > -side && x < width && y < height)) continue;
      const [column, row] = [Math.floor(x), Math.floor(y)];
      const { cover } = stamps[(x - column >= 0.5 ? 1 : 0) + (y - row >= 0.5 ? 2 : 0)];
      const [red, green, blue] = [colors[code * 4], colors[code * 4 + 1], colors[code * 4 + 2]];
      for (let dy = Math.max(0, -row); dy < side && row + dy < height; dy++) {
        let at = ((row + dy) * width + column) * 4;
        for (let dx = 0; dx < side; dx++, at += 4) {
          const opacity = cover[dy * side + dx];
          if (opacity === 0 || column + dx < 0 || column + dx >= width) continue;
          out[at] += ((red - out[at]) * opacity) >> 8;
          out[at + 1] += ((green - out[at + 1]) * opacity) >> 8;
          out[at + 2] += ((blue - out[at + 2]) * opacity) >> 8;
        }
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
const motion = { until: 0, budget: drawn.length, last: 0, interval: 16 };
let asked = false;

function redraw() {
  if (asked || !painter) return;
  asked = true;
  requestAnimationFrame((now) => {
    asked = false;
    const moving = now < motion.until;
    if (moving) {
      const interval = Math.min(400, now - motion.last);
      if (motion.last > 0 && interval < 400) {
        motion.interval = 0.6 * motion.interval + 0.4 * interval;
        if (motion.interval > 33) motion.budget = Math.max(20000, motion.budget * 0.8);
        else if (motion.interval < 20) motion.budget = Math.min(drawn.length, motion.budget * 1.1);
      }
      motion.last = now;
    } else {
      motion.last = 0;
      motion.interval = 25;
    }
    painter.draw(moving ? Math.min(drawn.length, Math.round(motion.budget)) : drawn.length);
    document.body.dataset.drawn = moving && motion.budget < drawn.length ? 'sample' : 'all';
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

// Takes WebGL where it is the faster, and finds out how many points can be painted in 25 ms.
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
  motion.budget = Math.min(drawn.length, Math.max(20000, drawn.length * (25 / Math.max(timed(painter, drawn.length), 0.1))));
  document.body.dataset.painter = painter.canvas.id;
}
