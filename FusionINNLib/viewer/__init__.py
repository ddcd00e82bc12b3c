"""The page in a browser: the same fusion, the same scene and the same `mrml/__init__.py` as in Slicer, without Slicer.

`inputs.py`, `case.py`, `viewer/display.py` and `tasks.py` know no page; `app.py`, `controls.py`, `state.py`, `viewer/messages.py`,
`typed.py`, `page.py` and `sidebar.py` are the page; `cli/view.py`, `server.py`, `routes.py`, `uploads.py` and `security.py` its server;
`trame_views.py` alone calls trame-slicer.

Names in camelCase are those of `mrml/`, which has Slicer's: its functions, their arguments and what they give, and the names of the views.
"""
