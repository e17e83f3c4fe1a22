"""Destruction (销毁): the rules of an application, its signatures, and what is done about it."""
