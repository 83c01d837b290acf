// By hand, because the workflow sandbox has neither btoa nor Buffer.
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = Uint8Array.from(alphabet, (char) => char.charCodeAt(0));
const sextets = new Uint8Array(128).fill(255);
for (const [n, code] of codes.entries()) sextets[code] = n;
const padding = '='.charCodeAt(0);

/** Bytes as base64 (RFC 4648, with padding). */
export function toBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const [a = 0, b = 0, c = 0] = [bytes[from], bytes[from + 1], bytes[from + 2]];
    text[to] = codes[a >> 2] as number;
    text[to + 1] = codes[((a & 3) << 4) | (b >> 4)] as number;
    text[to + 2] = from + 1 < bytes.length ? (codes[((b & 15) << 2) | (c >> 6)] as number) : padding;
    text[to + 3] = from + 2 < bytes.length ? (codes[c & 63] as number) : padding;
  }
  return new TextDecoder().decode(text);
}

/** The bytes of what {@link toBase64} made. @throws SyntaxError when it is no such text */
export function fromBase64(text: string): Uint8Array {
  const end = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const length = text.length - end;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  for (let from = 0, to = 0, bits = 0, count = 0; from < length; from++) {
    const sextet = sextets[text.charCodeAt(from)] ?? 255;
    if (sextet === 255) throw new SyntaxError('Not base64');
    bits = ((bits << 6) | sextet) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[to++] = (bits >> count) & 255;
  }
  return bytes;
}
