// Shapes every answer of our own: {code, message, data}.

interface Envelope<Data> {
  code: number;
  message: string;
  data: Data;
}

export const envelope = <Data>(message: string, data: Data, code = 200): Envelope<Data> => ({ code, message, data });
