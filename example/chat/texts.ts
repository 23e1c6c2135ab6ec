import type { Request } from "express";
import { MESSAGE_LIMIT } from "./chat-message.js";
import { ROOM_NAME_LIMIT } from "./chat-room.js";
import { MEMBER_NAME_LIMIT, PASSWORD_LIMITS } from "./member.js";

const english = {
  language: "en",
  title: "Community Chat",
  tagline: "Rooms for everyone. Open one, or drop by.",
  rooms: "Rooms",
  name: "Name",
  password: "Password",
  logIn: "Log in",
  signUp: "Sign up",
  signUpHint: `New here? Choose a name and a password of at least ${PASSWORD_LIMITS.min} characters, and sign up.`,
  logOut: "Log out",
  wrongPassword: "Name or password is wrong.",
  nameTaken: "That name is taken. Choose another one.",
  nameInvalid: `A name has 1 to ${MEMBER_NAME_LIMIT} characters.`,
  passwordInvalid: `A password has ${PASSWORD_LIMITS.min} to ${PASSWORD_LIMITS.max} characters.`,
  roomName: "Name of the room",
  openRoom: "Open room",
  roomOpened: "The room “{name}” is open.",
  roomNameInvalid: `A room needs a name of 1 to ${ROOM_NAME_LIMIT} characters.`,
  noRooms: "No room yet. Open the first one!",
  openedBy: "opened by {name}",
  roomNotFound: "This room does not exist.",
  pageNotFound: "This page does not exist.",
  formExpired: "This form is out of date. Go back, reload the page and try again.",
  unexpected: "Something went wrong on our side. Please try again.",
  toRooms: "To the rooms",
  send: "Send",
  writeMessage: "Write a message",
  entered: "{name} joined the room.",
  connecting: "Connecting …",
  connected: "Connected",
  reconnecting: "Reconnecting …",
  messageEmpty: "Write something first.",
  messageLimit: MESSAGE_LIMIT,
  messageTooLong: `A message has at most ${MESSAGE_LIMIT} characters; yours has {length}.`,
  notDelivered: "The connection broke before your message was confirmed. Send it again if it is missing.",
  refused: "The server refused: {reason}",
  noMessages: "Nothing said yet. Say hello!",
};

/** Every text of the pages. */
export type Texts = typeof english;

const korean: Texts = {
  language: "ko",
  title: "커뮤니티 채팅",
  tagline: "누구에게나 열린 채팅방. 새로 만들거나 들러 보세요.",
  rooms: "채팅방",
  name: "이름",
  password: "비밀번호",
  logIn: "로그인",
  signUp: "회원가입",
  signUpHint: `처음이신가요? 이름과 ${PASSWORD_LIMITS.min}자 이상의 비밀번호를 정하고 가입하세요.`,
  logOut: "로그아웃",
  wrongPassword: "이름 또는 비밀번호가 올바르지 않습니다.",
  nameTaken: "이미 사용 중인 이름입니다. 다른 이름을 선택해 주세요.",
  nameInvalid: `이름은 1자 이상 ${MEMBER_NAME_LIMIT}자 이하여야 합니다.`,
  passwordInvalid: `비밀번호는 ${PASSWORD_LIMITS.min}자 이상 ${PASSWORD_LIMITS.max}자 이하여야 합니다.`,
  roomName: "채팅방 이름",
  openRoom: "채팅방 만들기",
  roomOpened: "“{name}” 채팅방이 개설되었습니다.",
  roomNameInvalid: `채팅방 이름은 1자 이상 ${ROOM_NAME_LIMIT}자 이하여야 합니다.`,
  noRooms: "아직 채팅방이 없습니다. 첫 번째 방을 만들어 보세요!",
  openedBy: "{name}님이 개설",
  roomNotFound: "존재하지 않는 채팅방입니다.",
  pageNotFound: "존재하지 않는 페이지입니다.",
  formExpired: "양식이 만료되었습니다. 뒤로 가서 새로고침한 뒤 다시 시도해 주세요.",
  unexpected: "서버에 문제가 발생했습니다. 다시 시도해 주세요.",
  toRooms: "채팅방 목록으로",
  send: "보내기",
  writeMessage: "메시지를 입력하세요",
  entered: "{name}님이 채팅방에 참여하였습니다.",
  connecting: "연결 중 …",
  connected: "연결됨",
  reconnecting: "다시 연결하는 중 …",
  messageEmpty: "내용을 입력해 주세요.",
  messageLimit: MESSAGE_LIMIT,
  messageTooLong: `메시지는 최대 ${MESSAGE_LIMIT}자입니다. 현재 {length}자입니다.`,
  notDelivered: "메시지가 확인되기 전에 연결이 끊어졌습니다. 보이지 않으면 다시 보내 주세요.",
  refused: "서버가 거부했습니다: {reason}",
  noMessages: "아직 메시지가 없습니다. 인사를 건네 보세요!",
};

/** Picks the texts in the reader's language by Accept-Language: Korean or English. */
export function texts(req: Request): Texts {
  return req.acceptsLanguages("en", "ko") === "ko" ? korean : english;
}

/** Puts values in the places of `{name}`. */
export function fill(text: string, values: Record<string, string>): string {
  return Object.entries(values).reduce(
    (filled, [name, value]) => filled.replace(`{${name}}`, () => value),
    text,
  );
}
