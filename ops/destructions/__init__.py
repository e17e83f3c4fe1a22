"""Destructions (销毁) from the archive department's side: places, jobs, requests, needs, confirmation."""
