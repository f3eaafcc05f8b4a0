"""Reports on the strategies of records, with statistics, as HTML, Markdown, LaTeX and CSV."""
