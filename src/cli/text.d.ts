// Declares what is imported as text, so that the executable carries it.
declare module "*.service" {
  const text: string;
  export default text;
}
declare module "*.env.example" {
  const text: string;
  export default text;
}
declare module "*.txt" {
  const text: string;
  export default text;
}
declare module "*.socket" {
  const text: string;
  export default text;
}
