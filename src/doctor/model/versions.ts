import { type Finding, error, ok, warning } from '../types.js';

/** Series: the oldest that can work, and those that the test suites run with. */
interface Range {
  readonly name: string;
  readonly least: Series;
  readonly tested: readonly [from: Series, to: Series];
}

type Series = readonly [major: number, minor: number];

/** README, "What was tested where"; docs/operations.md for the Data Plane API. */
export const ranges = {
  haproxy: {
    name: 'HAProxy',
    least: [3, 0],
    tested: [
      [3, 0],
      [3, 2],
    ],
  },
  dataplane: {
    name: 'Data Plane API',
    least: [3, 0],
    tested: [
      [3, 0],
      [3, 4],
    ],
  },
  // Services of Nomad's own are there from 1.3 on.
  nomad: {
    name: 'Nomad',
    least: [1, 3],
    tested: [
      [2, 0],
      [2, 0],
    ],
  },
} as const satisfies Readonly<Record<string, Range>>;

export function judgeVersion(what: keyof typeof ranges, version: string): Finding {
  const { name, least, tested }: Range = ranges[what];
  const series = seriesOf(version);
  const [from, to] = tested;
  const range = compare(from, to) === 0 ? from.join('.') : `${from.join('.')} to ${to.join('.')}`;
  if (series === undefined) {
    return warning(
      `${name} has no version that can be read: ${version}`,
      `install ${name} ${range}`,
    );
  }
  if (compare(series, least) < 0) {
    const says = `${name} ${version} is too old: ${least.join('.')} is the least`;
    return error(says, `install ${name} ${range}`);
  }
  if (compare(series, from) < 0 || compare(series, to) > 0) {
    const says = `${name} ${version} was not tested; ${range} was`;
    return warning(says, `install ${name} ${range}, or try a deploy before you rely on it`);
  }
  return ok(`${name} ${version}`);
}

function seriesOf(version: string): Series | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

function compare(one: Series, other: Series): number {
  return one[0] - other[0] || one[1] - other[1];
}
