export interface GrpcHealthRequest {
  /** `''` asks for the whole server. */
  readonly service: string;
  readonly authority: string;
  readonly tls: boolean;
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frameSize = { data: 0, headers: 1, settings: 4 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const streamNumber = 1;

/**
 * Everything a client sends to call grpc.health.v1.Health/Check on a new HTTP/2 connection, in hex:
 * preface, empty SETTINGS, HEADERS, and DATA with the HealthCheckRequest.
 */
export function grpcHealthRequest({ service, authority, tls }: GrpcHealthRequest): string {
  const headers = [
    [':method', 'POST'],
    [':scheme', tls ? 'https' : 'http'],
    [':path', '/grpc.health.v1.Health/Check'],
    [':authority', authority],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ] as const;
  const bytes = [
    ...ascii(preface),
    ...frame(frameSize.settings, 0, 0, []),
    ...frame(
      frameSize.headers,
      endHeaders,
      streamNumber,
      headers.flatMap(([n, v]) => literal(n, v)),
    ),
    ...frame(frameSize.data, endStream, streamNumber, message(service)),
  ];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function frame(type: number, flags: number, stream: number, payload: readonly number[]): number[] {
  return [...bigEndian(payload.length, 3), type, flags, ...bigEndian(stream, 4), ...payload];
}

/** HPACK: a literal field without indexing, new name, no Huffman coding (RFC 7541, 6.2.2). */
function literal(name: string, value: string): number[] {
  return [0x00, ...hpackString(name), ...hpackString(value)];
}

function hpackString(text: string): number[] {
  return [...hpackInteger(text.length, 7), ...ascii(text)];
}

/** RFC 7541, 5.1, with the bits before the prefix all zero. */
function hpackInteger(value: number, prefixBits: number): number[] {
  const max = 2 ** prefixBits - 1;
  if (value < max) return [value];
  const bytes = [max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** gRPC's five bytes of framing, then `HealthCheckRequest { string service = 1 }`. */
function message(service: string): number[] {
  const field = service === '' ? [] : [0x0a, ...varint(service.length), ...ascii(service)];
  return [0, ...bigEndian(field.length, 4), ...field];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function bigEndian(value: number, size: number): number[] {
  return Array.from(
    { length: size },
    (_, index) => Math.floor(value / 256 ** (size - 1 - index)) % 256,
  );
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
