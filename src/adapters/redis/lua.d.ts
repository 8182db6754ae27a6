// Steps of Lua are imported as text, so that the executable carries them.
declare module "*.lua" {
  const text: string;
  export default text;
}
