"""The page in a browser: the same fusion, the same scene and the same `mrml.py` as in Slicer, without Slicer.

`inputs.py`, `case.py`, `look.py` and `tasks.py` know no page; `app.py`, `controls.py`, `state.py`, `wording.py`, `page.py` and `sidebar.py`
are the page; `command.py`, `server.py`, `routes.py`, `uploads.py` and `security.py` its server; `trame_views.py` alone calls trame-slicer.
"""
