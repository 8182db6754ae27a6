// What is left of URLs in texts that people see.
import { describe, expect, test } from "bun:test";
import { hideUserinfo, hideUserinfos } from "../../../src/values/net/userinfo.ts";

describe("a setting", () => {
  test.each([
    ["https://user:s3cret@s3.example.org", "https://…@s3.example.org"],
    ["https://s3cret@s3.example.org/x", "https://…@s3.example.org/x"],
    ["user:s3cret@s3.example.org", "…@s3.example.org"],
    ["https://user:s3cr/et@p@host", "https://…@host"],
    ["redis://:s3cret@", "redis://…@"],
    ["HTTPS://u:s3cret@h?x=@y", "HTTPS://…@y"],
    ["https://s3.example.org", "https://s3.example.org"],
    ["/mnt/a@b/data", "/mnt/a@b/data"],
    ["127.0.0.1:8081", "127.0.0.1:8081"],
    ["", ""],
  ])("%s is shown as %s", (text, shown) => expect(hideUserinfo(text)).toBe(shown));
});

describe("a sentence", () => {
  test.each([
    ["cannot reach postgres://u:s3cret@h:1/db", "cannot reach postgres://…@h:1/db"],
    ['got "redis://:a@b@h" and "https://x@y/"', 'got "redis://…@h" and "https://…@y/"'],
    ['{"url":"http://h/","mail":"a@b"}', '{"url":"http://h/","mail":"a@b"}'],
    ["mail a@b.example", "mail a@b.example"],
  ])("%s", (text, shown) => expect(hideUserinfos(text)).toBe(shown));
});
