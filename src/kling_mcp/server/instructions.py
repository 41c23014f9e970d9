"""What a model reads once, before it uses any tool. Hosts cut it at about 2 KB, so the two rules come first."""

INSTRUCTIONS = """\
Kling AI makes video, images, speech and sound. Two rules:
1. Never submit the same thing twice. A paid tool waits a while and may return before the result is there, with a \
job_id and status queued or running. Then call wait_for_jobs with that job_id until it is finished; the job goes on \
by itself, also when a call times out or is cancelled. A repeat within 2 minutes returns the same job, a repeated \
idempotency_key always; allow_duplicate=true makes another. If an answer got lost, list_jobs finds the job.
2. Generation costs units of the user's Kling account. estimate_cost tells the price of any call for free; \
check_balance what is left. Say the cost before an expensive one (long, pro or 4k, sound). Only the human may approve \
a price: give a confirm token back only after they agreed. A refused or failed request is not charged unless its \
error says so.

Build on results by naming them: any image, video, audio, voice, element or session argument takes a job_id or \
kling://media/… of this server; kling://media/…#last as image is a video's last frame. Each answer's next says how.
Results are saved as files: media[].path on the server's machine, also kling://media/… as resource, and media[].url \
until it expires. preview_media shows a result to you: check it before you build on it.
Models, effects, voices and prices are resources under kling://catalogue/ (models, effects, voices, rates; \
effects/WORDS and voices/WORDS search).
Every refusal lists all problems of a request at once: correct them all, then call again. An error with retryable true \
may succeed unchanged later; any other needs changed arguments or the human.
A queued job with an error waits until the human has put the account right: tell them. Status unconfirmed means that \
the connection broke while paying and nobody can tell: the human must look; resubmit only if they agree.
"""
