// Where the points are on the screen. Pixels are CSS pixels from the upper left corner of the canvas.

// Room for the tools above the points.
const ABOVE = 48;

const camera = {
  width: 1,
  height: 1,
  zoom: 1,
  // Of the middle of all points from the middle of the canvas, in pixels.
  x: 0,
  y: 0,
  // Around the vertical and the horizontal axis of the screen; 0 for flat maps.
  yaw: 0,
  pitch: 0,
  // Whether all is shown, as at the beginning.
  fitted: false,

  // Pixels to the unit.
  get unit() {
    return (Math.max(60, Math.min(this.width, this.height - ABOVE)) / 2 - 14) * this.zoom;
  },

  // Two rows of the rotation and its depth; maps z out of the screen.
  get turn() {
    const [c, s, d, t] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    return [c, 0, s, s * t, d, -c * t, -s * d, t, c * d];
  },

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: ABOVE / 2, fitted: true });
    if (!flat) Object.assign(this, { yaw: -0.6, pitch: 0.35 });
    if (!flat || drawn.length === 0) return;
    // A flat map may be wider than high: fill the canvas, whichever way is longer.
    let [across, along] = [1e-9, 1e-9];
    for (let i = 0; i < positions.length; i += 3) {
      across = Math.max(across, Math.abs(positions[i]));
      along = Math.max(along, Math.abs(positions[i + 1]));
    }
    const room = (pixels) => Math.max(20, pixels / 2 - 14);
    this.zoom = Math.min(room(this.width) / across, room(this.height - ABOVE) / along) / this.unit;
  },

  pan(dx, dy) {
    this.fitted = false;
    this.x += dx;
    this.y += dy;
  },

  rotate(dx, dy) {
    this.fitted = false;
    this.yaw += dx * 0.008;
    this.pitch = Math.max(-1.57, Math.min(1.57, this.pitch + dy * 0.008));
  },

  // What lies under a pixel stays there.
  zoomAt(factor, px, py) {
    this.fitted = false;
    const zoom = Math.min(2000, Math.max(0.2, this.zoom * factor));
    const ratio = zoom / this.zoom;
    const [mx, my] = [px - this.width / 2, py - this.height / 2];
    this.x = mx - (mx - this.x) * ratio;
    this.y = my - (my - this.y) * ratio;
    this.zoom = zoom;
  },

  // The pixel of a drawn point.
  pixel(i) {
    const [a, b, c, d, e, f] = this.turn;
    const [x, y, z] = [positions[i * 3], positions[i * 3 + 1], positions[i * 3 + 2]];
    return [this.width / 2 + this.x + (a * x + b * y + c * z) * this.unit, this.height / 2 + this.y - (d * x + e * y + f * z) * this.unit];
  },

  // Calls `visit(i, x, y)` for each visible point with its pixel.
  each(visit) {
    const [a, b, c, d, e, f] = this.turn;
    const unit = this.unit;
    const [left, top] = [this.width / 2 + this.x, this.height / 2 + this.y];
    for (let i = 0; i < drawn.length; i++) {
      if (!palette.visible[codes[i]]) continue;
      const [x, y, z] = [positions[i * 3], positions[i * 3 + 1], positions[i * 3 + 2]];
      visit(i, left + (a * x + b * y + c * z) * unit, top - (d * x + e * y + f * z) * unit);
    }
  },

  // The visible point nearest to a pixel, not farther than `reach`; -1 where there is none.
  nearest(px, py, reach) {
    let [best, least] = [-1, reach * reach];
    this.each((i, x, y) => {
      const distance = (x - px) * (x - px) + (y - py) * (y - py);
      // Lit points lie on top.
      const shorter = lit.any && lit.of[i] ? distance / 4 : distance;
      if (distance <= reach * reach && shorter < least) [best, least] = [i, shorter];
    });
    return best;
  },

  center(i) {
    const [x, y] = this.pixel(i);
    this.pan(this.width / 2 - x, this.height / 2 - y);
  },
};
