/** A slot is one of a backend's servers, bound to an instance or free. */

/** A slot's metadata: the instance it serves. */
export interface Binding {
  readonly id: string;
  /** The registration's CreateIndex: a new one for the same id is a restart. */
  readonly createIndex: number;
  /** The job's ID, unless it is the service's name. */
  readonly job?: string;
  /** Unix time in seconds at which the drain began. */
  readonly drainingSince?: number;
}

/** The fields of a server that change without a reload. */
export interface SlotConfig {
  readonly address: string;
  readonly port: number;
  /** The `disabled` keyword: in maintenance after a cold start. */
  readonly disabled: boolean;
  readonly weight: number;
  readonly checkPort?: number;
}

/** A check port of its own, which has to be written. */
export function ownCheckPort({ checkPort, port }: SlotConfig): number | undefined {
  return checkPort === port ? undefined : checkPort;
}

/** The address of a free slot. Nothing listens there, and the server is in maintenance. */
export const parking: SlotConfig = { address: '127.0.0.1', port: 9, disabled: true, weight: 100 };

/** `nomad_web` and 12 -> `nomad_web_12`. */
export function slotName(prefix: string, number: number): string {
  return `${prefix}_${number}`;
}

/** `nomad_web_12` -> 12; undefined where the name is not a slot's. */
export function slotNumber(name: string): number | undefined {
  let first = name.length;
  while (first > 0 && isDigit(name.charCodeAt(first - 1))) first--;
  const begins = first > 0 && first < name.length && name[first - 1] === '_' && name[first] !== '0';
  return begins ? Number(name.slice(first)) : undefined;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** `nomad_web_12` -> `nomad_web`. */
export function slotBase(name: string): string {
  return name.replace(/_[1-9][0-9]*$/, '');
}
