import { Router } from "express";
import { injectable } from "inversify";
import { membersOnly } from "../shared/members-only.js";
import { readName } from "../shared/text.js";
import { ROOM_NAME_LIMIT } from "./chat-room.js";
import { ChatRoomRepository } from "./chat-room-repository.js";
import { csrf } from "./csrf.js";
import { MemberRepository } from "./member-repository.js";
import { fill, texts } from "./texts.js";

declare module "express-session" {
  interface SessionData {
    /** The name of the room just opened, until a page has shown it. */
    openedRoom: string;
  }
}

/** The pages of the rooms. */
@injectable()
export class RoomController {
  constructor(
    private readonly rooms: ChatRoomRepository,
    private readonly members: MemberRepository,
  ) {}

  routes(): Router {
    const router = Router();
    router.use("/chat", membersOnly, csrf);

    router.get("/chat/rooms", async (req, res) => {
      const { openedRoom } = req.session;
      delete req.session.openedRoom;
      const notice = openedRoom && fill(texts(req).roomOpened, { name: openedRoom });
      res.render("rooms", { rooms: await this.rooms.findAll(), notice, problem: undefined, name: "" });
    });

    router.post("/chat/room", async (req, res, next) => {
      const name = readName(req.body.name);
      if (!name || name.length > ROOM_NAME_LIMIT) {
        const problem = texts(req).roomNameInvalid;
        const view = { rooms: await this.rooms.findAll(), notice: undefined, problem, name: req.body.name };
        return res.status(400).render("rooms", view);
      }

      const room = await this.rooms.create(name, req.user!.name);
      req.session.openedRoom = room.name;
      // Browsers follow a redirect as soon as they see it: the page must find the session saved.
      req.session.save((error) => (error ? next(error) : res.redirect(303, "/chat/rooms")));
    });

    router.get("/chat/room", async (req, res) => {
      const room = await this.rooms.findById(req.query.roomId);
      if (room) res.render("room", { room, isStaff: await this.members.isStaff(req.user!.name) });
      else res.status(404).render("problem", { problem: texts(req).roomNotFound });
    });
    return router;
  }
}
