/** The wall clock of this process, which a fault may set. Monotonic clocks go on as they did. */

const real = Date.now.bind(Date);
let offset = 0;

export function installClock(): void {
  Date.now = () => real() + offset;
}

export function uninstallClock(): void {
  Date.now = real;
  offset = 0;
}

export function jump(ms: number): void {
  offset += ms;
}

export function resetClock(): void {
  offset = 0;
}
