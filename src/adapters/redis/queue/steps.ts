// Prepares the queue's atomic steps, each a file of Lua after the code they share.
import { prepareStep } from "../connection.ts";
import bury from "./bury.lua" with { type: "text" };
import claim from "./claim.lua" with { type: "text" };
import count from "./count.lua" with { type: "text" };
import describe from "./describe.lua" with { type: "text" };
import discardLane from "./discard_lane.lua" with { type: "text" };
import redriveOrDiscard from "./redrive_or_discard.lua" with { type: "text" };
import extend from "./extend.lua" with { type: "text" };
import jobs from "./jobs.lua" with { type: "text" };
import push from "./push.lua" with { type: "text" };
import giveBack from "./return.lua" with { type: "text" };
import settle from "./settle.lua" with { type: "text" };
import withdraw from "./withdraw.lua" with { type: "text" };

export const steps = {
  bury: prepareStep(jobs, bury),
  claim: prepareStep(jobs, claim),
  count: prepareStep(jobs, count),
  describe: prepareStep(jobs, describe),
  discardLane: prepareStep(jobs, discardLane),
  redriveOrDiscard: prepareStep(jobs, redriveOrDiscard),
  extend: prepareStep(jobs, extend),
  giveBack: prepareStep(jobs, giveBack),
  push: prepareStep(jobs, push),
  settle: prepareStep(jobs, settle),
  withdraw: prepareStep(jobs, withdraw),
};
