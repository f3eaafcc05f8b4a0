"""Studies, statistics, rankings and judges that compare the strategies of records."""
